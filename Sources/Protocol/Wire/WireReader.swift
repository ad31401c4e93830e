internal import HoldfastModel

/// Reads a body from front to back; every step checks that its bytes are there.
struct WireReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var remainingByteCount: Int { bytes.count - offset }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self
    ) throws(WireFault) -> Value {
        guard remainingByteCount >= MemoryLayout<Value>.size else { throw .cutShort }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
        offset += MemoryLayout<Value>.size
        return Value(littleEndian: value)
    }

    mutating func raw(_ byteCount: Int) throws(WireFault) -> UnsafeRawBufferPointer {
        guard byteCount >= 0, byteCount <= remainingByteCount else { throw .cutShort }
        let start = offset
        offset += byteCount
        return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
    }

    /// A number of items that are `byteCount` bytes each at least: refused where so many cannot
    /// follow, before anything is taken for them.
    mutating func itemCount(itemByteCountMin byteCount: Int) throws(WireFault) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count <= remainingByteCount / byteCount else { throw .cutShort }
        return count
    }

    mutating func reserved(_ byteCount: Int) throws(WireFault) {
        let zeros = try raw(byteCount)
        for index in 0..<byteCount where zeros[index] != 0 { throw .reservedBytes }
    }

    /// `u8 length, bytes`, of any content.
    mutating func shortBytes() throws(WireFault) -> UnsafeRawBufferPointer {
        let byteCount = Int(try integer(UInt8.self))
        return try raw(byteCount)
    }

    /// `u16 length, bytes`, of any content.
    mutating func mediumBytes() throws(WireFault) -> UnsafeRawBufferPointer {
        let byteCount = Int(try integer(UInt16.self))
        return try raw(byteCount)
    }

    /// `u32 length, bytes`, of any content.
    mutating func longBytes() throws(WireFault) -> UnsafeRawBufferPointer {
        let byteCount = Int(try integer(UInt32.self))
        return try raw(byteCount)
    }

    /// `u8 length, bytes`, that are a name.
    mutating func name() throws(WireFault) -> UnsafeRawBufferPointer {
        let name = try shortBytes()
        guard Name.isValid(name) else {
            throw WireFault(
                .badName, "a queue's name is 1 to 255 bytes of UTF-8 without control characters")
        }
        return name
    }

    mutating func text8() throws(WireFault) -> String {
        String(decoding: try shortBytes(), as: UTF8.self)
    }

    mutating func text16() throws(WireFault) -> String {
        String(decoding: try mediumBytes(), as: UTF8.self)
    }

    mutating func jobID() throws(WireFault) -> JobID {
        JobID(lsn: try integer(), check: try integer())
    }

    mutating func leaseToken() throws(WireFault) -> LeaseToken {
        LeaseToken(lsn: try integer(), version: try integer(), check: try integer())
    }

    /// The body must end here.
    func end() throws(WireFault) {
        guard remainingByteCount == 0 else { throw .tooLong }
    }
}
