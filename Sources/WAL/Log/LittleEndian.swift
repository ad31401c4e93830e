extension UnsafeRawBufferPointer {
    @inline(__always)
    func integer<Integer: FixedWidthInteger>(_ type: Integer.Type, at offset: Int) -> Integer {
        Integer(littleEndian: loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// The part of `count` bytes from `offset` on.
    @inline(__always)
    func part(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[offset..<offset + count])
    }

    /// Where the last byte lies that is not zero; nil where all are.
    var lastNonZeroOffset: Int? {
        var end = count
        // Long stretches of zeros are the rule behind a log's end.
        while end >= 64, isZero(eightWordsAt: end - 64) { end -= 64 }
        while end >= 8, loadUnaligned(fromByteOffset: end - 8, as: UInt64.self) == 0 { end -= 8 }
        while end > 0, self[end - 1] == 0 { end -= 1 }
        return end == 0 ? nil : end - 1
    }

    @inline(__always)
    private func isZero(eightWordsAt offset: Int) -> Bool {
        var words: UInt64 = 0
        for word in 0..<8 {
            words |= loadUnaligned(fromByteOffset: offset + word * 8, as: UInt64.self)
        }
        return words == 0
    }
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    func set<Integer: FixedWidthInteger>(_ value: Integer, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Integer.self)
    }
}
