extension UnsafeRawPointer {
    /// The little-endian integer `offset` bytes on, aligned or not. Bounds are the caller's matter.
    @inline(__always)
    func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Value.Type
    ) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension UnsafeMutableRawPointer {
    /// Writes a little-endian integer `offset` bytes on, aligned or not.
    @inline(__always)
    func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }

    /// Copies `bytes` to `offset` bytes on.
    @inline(__always)
    func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        guard let source = bytes.baseAddress else { return }
        (self + offset).copyMemory(from: source, byteCount: bytes.count)
    }
}

extension UnsafeRawBufferPointer {
    /// The start of bytes of which at least one was checked to exist.
    @inline(__always)
    var start: UnsafeRawPointer { baseAddress.unsafelyUnwrapped }
}
