internal import CLZ4

/// LZ4 blocks (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md): what producers may
/// compress a payload with. The raw length travels beside the block, since a block does not say it.
package enum LZ4Block {
    /// The compressed bytes; nil where they would not be fewer than those of `payload`.
    package static func compress(_ payload: UnsafeRawBufferPointer) -> [UInt8]? {
        guard payload.count > 1, payload.count <= Int(LZ4_MAX_INPUT_SIZE) else { return nil }
        let capacity = payload.count - 1
        let compressed = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            let written = LZ4_compress_default(
                payload.baseAddress, buffer.baseAddress, Int32(payload.count), Int32(capacity))
            count = max(0, Int(written))
        }
        return compressed.isEmpty ? nil : compressed
    }

    /// The `rawByteCount` bytes that `block` stands for; nil where it stands for anything else.
    /// Takes `rawByteCount` bytes of memory before it looks: bound it first.
    package static func decompress(
        _ block: UnsafeRawBufferPointer, rawByteCount: Int
    ) -> [UInt8]? {
        guard rawByteCount >= 0, rawByteCount <= Int(LZ4_MAX_INPUT_SIZE),
            block.count <= Int(Int32.max)
        else { return nil }
        var isWhole = false
        let payload = [UInt8](unsafeUninitializedCapacity: max(rawByteCount, 1)) { buffer, count in
            let written = LZ4_decompress_safe(
                block.baseAddress, buffer.baseAddress, Int32(block.count), Int32(rawByteCount))
            isWhole = Int(written) == rawByteCount
            count = max(0, Int(written))
        }
        return isWhole ? payload : nil
    }
}
