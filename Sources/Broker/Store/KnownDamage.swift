internal import HoldfastDisk
package import HoldfastRecords
internal import HoldfastWAL

/// The file `quarantine/known-damage`: what a repair has left in the log because nothing but its
/// records needs it, and the records that are gone for good. `verify` tells it from what is new.
///
/// ```
/// holdfast known damage 1
/// missing 7 9                     records that are gone, first and last
/// place 1a2b3c4d log/…: reason    the checksum of the damaged bytes, and the damage as it is named
/// end 5e6f7a8b                    the checksum of all lines before
/// ```
/// A place is known as long as its bytes are the same ones. A file that is not whole says nothing:
/// then all damage is new.
package struct KnownDamage: Sendable, Equatable {
    static let path = "\(directory)/known-damage"
    private static let directory = "quarantine"
    private static let title = "holdfast known damage 1"
    /// Ranges of missing records that are kept; the oldest go first.
    static let missingCountMax = 10_000
    private static let byteCountMax = 64 << 20

    /// Rising.
    package private(set) var missing: [ClosedRange<LSN>] = []
    private(set) var places: Set<String> = []

    package init() {}

    /// What the file says; nothing where there is none, or none that is whole.
    init(in fileSystem: any FileSystem) {
        do throws(DiskError) {
            let file = try fileSystem.openFile(Self.path, for: .reading)
            let byteCount = min(try file.byteCount(), Self.byteCountMax)
            self.init(decoding: try file.read(byteCount: byteCount, at: 0))
        } catch {
            // What cannot be read says nothing.
            self.init()
        }
    }

    /// What the file's bytes say; nothing where they are not whole. What is no line of it is passed over.
    package init(decoding bytes: [UInt8]) {
        let endByteCount = Self.end(of: []).utf8.count + 1
        guard bytes.count > endByteCount else { return }
        let body = Array(bytes.dropLast(endByteCount))
        guard bytes.suffix(endByteCount).elementsEqual((Self.end(of: body) + "\n").utf8) else {
            return
        }
        // Lines end with a byte, not with a character: a carriage return before it is no part of it.
        let lines = body.split(separator: UInt8(ascii: "\n"))
        guard lines.first?.elementsEqual(Self.title.utf8) ?? false else { return }
        for line in lines.dropFirst() {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
            guard words.count == 3 else { continue }
            if words[0] == "place" { places.insert("\(words[1]) \(words[2])") }
            if words[0] == "missing", let first = LSN(words[1]), let last = LSN(words[2]),
                first >= 1, first <= last, last <= RecordFormat.lsnMax
            {
                missing.append(first...last)
            }
        }
    }

    /// The file.
    package func encoded() -> [UInt8] {
        var text = Self.title + "\n"
        for range in missing { text += "missing \(range.lowerBound) \(range.upperBound)\n" }
        for place in places.sorted() { text += "place \(place)\n" }
        return Self.sealed(Array(text.utf8))
    }

    /// - Parameter lines: of the file, but for the last one, which is put behind them.
    package static func sealed(_ lines: [UInt8]) -> [UInt8] {
        lines + Array((end(of: lines) + "\n").utf8)
    }

    private static func end(of bytes: [UInt8]) -> String {
        "end " + hexadecimal(Checksum.crc32c(bytes))
    }

    private static func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return "00000000".dropFirst(digits.count) + digits
    }

    // MARK: Places

    /// Whether it is one of them, and its bytes are still those.
    func knows(_ damage: StoreDamage, in fileSystem: any FileSystem) -> Bool {
        guard !places.isEmpty, let place = Self.place(damage, in: fileSystem) else { return false }
        return places.contains(place)
    }

    /// Takes damage of the log to be known from now on; of anything else nothing is ever left.
    mutating func note(_ damage: StoreDamage, in fileSystem: any FileSystem) {
        if let place = Self.place(damage, in: fileSystem) { places.insert(place) }
    }

    /// A place of the file as it was, which nothing tells of as long as its bytes are others.
    mutating func keep(_ place: String) { places.insert(place) }

    mutating func note(missing ranges: [ClosedRange<LSN>]) {
        missing = LSNRanges.merged(missing + ranges).suffix(Self.missingCountMax)
    }

    /// - Returns: nil where it lies in no place of the log that can be read.
    private static func place(_ damage: StoreDamage, in fileSystem: any FileSystem) -> String? {
        guard case .log(let log) = damage, let extent = damage.extent else { return nil }
        do throws(DiskError) {
            let file = try fileSystem.openFile(log.path, for: .reading)
            var checksum: UInt32 = 0
            var offset = extent.lowerBound
            while offset < extent.upperBound {
                let bytes = try file.read(
                    byteCount: min(1 << 20, extent.upperBound - offset), at: offset)
                if bytes.isEmpty { break }
                checksum = Checksum.crc32c(bytes, continuing: checksum)
                offset += bytes.count
            }
            return "\(hexadecimal(checksum)) \(damage)"
        } catch {
            return nil
        }
    }

    // MARK: The file

    /// Puts this in the place of what the file says, durably.
    func write(in fileSystem: any FileSystem) throws(DiskError) {
        let draft = Self.path + ".new"
        do throws(DiskError) {
            try fileSystem.makeDirectory(Self.directory)
            try fileSystem.syncDirectory("")
        } catch {
            guard error.isAlreadyThere else { throw error }
        }
        do throws(DiskError) {
            try fileSystem.remove(draft)
        } catch {
            guard error.isNotFound else { throw error }
        }
        let bytes = encoded()
        let file = try fileSystem.createFile(draft)
        try file.allocate(byteCount: bytes.count)
        try file.write(bytes, at: 0)
        try file.sync()
        try fileSystem.rename(draft, to: Self.path)
        try fileSystem.syncDirectory(Self.directory)
    }
}
