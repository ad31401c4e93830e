/// A set of page numbers: a bitmap that grows, one bit a page.
package struct PageSet: Sendable, Equatable {
    private var words: [UInt64] = []
    package private(set) var count = 0

    package init() {}

    /// - Parameter bytes: as `encoded` made them.
    /// - Returns: nil where their number is not a multiple of 8, number 0 is in it, or the last
    ///   eight are zero, so that a set has one encoding only.
    package init?(decoding bytes: [UInt8]) {
        // The highest number is below 2^32 - 64, so that one may count on behind it.
        guard bytes.count % 8 == 0, bytes.count / 8 < 1 << 26 else { return nil }
        words = [UInt64](repeating: 0, count: bytes.count / 8)
        bytes.withUnsafeBytes { source in
            for index in words.indices {
                words[index] = UInt64(
                    littleEndian: source.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
            }
        }
        guard words.last != 0, (words.first ?? 0) & 1 == 0 else { return nil }
        count = words.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    /// Bit n of the little-endian words is number n; no zero word at the end.
    package func encoded() -> [UInt8] {
        let length = (words.lastIndex { $0 != 0 } ?? -1) + 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length * 8)
        for word in words.prefix(length) {
            withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    package var isEmpty: Bool { count == 0 }

    @inline(__always)
    package func contains(_ number: UInt32) -> Bool {
        let index = Int(number >> 6)
        return index < words.count && words[index] & (1 << UInt64(number & 63)) != 0
    }

    /// - Returns: whether it was not in it before.
    @discardableResult
    package mutating func insert(_ number: UInt32) -> Bool {
        precondition(number != 0, "page numbers start at 1")
        let index = Int(number >> 6)
        if index >= words.count {
            words.append(contentsOf: repeatElement(0, count: index + 1 - words.count))
        }
        let bit: UInt64 = 1 << UInt64(number & 63)
        guard words[index] & bit == 0 else { return false }
        words[index] |= bit
        count += 1
        return true
    }

    /// - Returns: whether it was in it.
    @discardableResult
    package mutating func remove(_ number: UInt32) -> Bool {
        guard contains(number) else { return false }
        words[Int(number >> 6)] &= ~(1 << UInt64(number & 63))
        count -= 1
        return true
    }

    package func union(_ other: PageSet) -> PageSet {
        var result = words.count >= other.words.count ? self : other
        let shorter = words.count >= other.words.count ? other.words : words
        for index in shorter.indices { result.words[index] |= shorter[index] }
        result.count = result.words.reduce(0) { $0 + $1.nonzeroBitCount }
        return result
    }

    package func subtracting(_ other: PageSet) -> PageSet {
        var result = self
        for index in words.indices.prefix(other.words.count) {
            result.words[index] &= ~other.words[index]
        }
        result.count = result.words.reduce(0) { $0 + $1.nonzeroBitCount }
        return result
    }

    /// The lowest number from `hint` on, and from 1 on, that is not in it.
    package func lowestAbsent(from hint: UInt32) -> UInt32 {
        let start = max(hint, 1)
        var index = Int(start >> 6)
        guard index < words.count else { return start }
        var absent = ~words[index] & (~0 << UInt64(start & 63))
        while absent == 0 {
            index += 1
            guard index < words.count else { return UInt32(index) << 6 }
            absent = ~words[index]
        }
        return UInt32(index) << 6 + UInt32(absent.trailingZeroBitCount)
    }

    /// The lowest number from `hint` on that is in it.
    package func lowestPresent(from hint: UInt32) -> UInt32? {
        var index = Int(hint >> 6)
        guard index < words.count else { return nil }
        var present = words[index] & (~0 << UInt64(hint & 63))
        while present == 0 {
            index += 1
            guard index < words.count else { return nil }
            present = words[index]
        }
        return UInt32(index) << 6 + UInt32(present.trailingZeroBitCount)
    }

    /// The highest number in it; nil where it is empty.
    package var last: UInt32? {
        guard let index = words.lastIndex(where: { $0 != 0 }) else { return nil }
        return UInt32(index * 64 + 63 - words[index].leadingZeroBitCount)
    }

    /// In rising order.
    package func forEach(_ body: (UInt32) -> Void) {
        for index in words.indices {
            var word = words[index]
            while word != 0 {
                body(UInt32(index * 64 + word.trailingZeroBitCount))
                word &= word - 1
            }
        }
    }

    package static func == (left: PageSet, right: PageSet) -> Bool {
        guard left.count == right.count else { return false }
        return !zip(left.words, right.words).contains { $0 != $1 }
    }
}
