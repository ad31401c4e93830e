/// One block's bytes, which never change, and their hash. Copies of a file share their blocks.
private final class Block: Sendable {
    let bytes: [UInt8]
    let hash: UInt64

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        hash = ContentHash.of(bytes)
    }
}

/// The bytes of a file in blocks. A block of zeros has no storage; copies share what they do not
/// change, and the hash of all is kept up as blocks change.
struct FileContent: Sendable {
    let blockByteCount: Int
    private(set) var byteCount = 0
    private var blocks: [Block?] = []
    /// The sum over the blocks, so that one can be exchanged without a look at the others.
    private var sum: UInt64 = 0

    init(blockByteCount: Int) {
        self.blockByteCount = blockByteCount
    }

    var blockCount: Int { (byteCount + blockByteCount - 1) / blockByteCount }

    /// Of length and bytes.
    var hash: UInt64 { ContentHash.mix(sum, UInt64(byteCount)) }

    func block(_ index: Int) -> [UInt8] {
        stored(index)?.bytes ?? [UInt8](repeating: 0, count: blockByteCount)
    }

    /// Whether a block is the same in both; cheap, since blocks that differ have other hashes.
    func hasSameBlock(_ index: Int, as other: FileContent) -> Bool {
        let mine = stored(index)
        let theirs = other.stored(index)
        return mine === theirs || mine?.hash == theirs?.hash
    }

    mutating func setBlock(_ index: Int, _ bytes: [UInt8]) {
        precondition(bytes.isEmpty || bytes.count == blockByteCount)
        set(index, Self.isZero(bytes) ? nil : Block(bytes))
    }

    private static func isZero(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: bytes.count - 7, by: 8)
            where bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
            return bytes.suffix(bytes.count % 8).allSatisfy { $0 == 0 }
        }
    }

    /// Takes a block over from another file.
    mutating func setBlock(_ index: Int, from other: FileContent) {
        set(index, other.stored(index))
    }

    private func stored(_ index: Int) -> Block? {
        index < blocks.count ? blocks[index] : nil
    }

    private mutating func set(_ index: Int, _ block: Block?) {
        if let old = stored(index) { sum &-= Self.share(old, at: index) }
        if let block {
            sum &+= Self.share(block, at: index)
            while blocks.count <= index { blocks.append(nil) }
            blocks[index] = block
        } else if index < blocks.count {
            blocks[index] = nil
        }
    }

    private static func share(_ block: Block, at index: Int) -> UInt64 {
        ContentHash.mix(block.hash, UInt64(index))
    }

    /// Changes the length; what is new reads as zeros.
    mutating func resize(to count: Int) {
        if count < byteCount {
            let kept = (count + blockByteCount - 1) / blockByteCount
            for index in stride(from: blocks.count - 1, through: kept, by: -1) { set(index, nil) }
            let inside = count % blockByteCount
            if inside > 0, var last = stored(kept - 1)?.bytes {
                for offset in inside..<blockByteCount { last[offset] = 0 }
                setBlock(kept - 1, last)
            }
        }
        byteCount = count
    }

    /// Bytes from `offset` on into `buffer`, until it is full or the file ends.
    ///
    /// - Returns: how many.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let end = min(offset + buffer.count, byteCount)
        var place = offset
        while place < end {
            let within = place % blockByteCount
            let part = min(blockByteCount - within, end - place)
            let target = UnsafeMutableRawBufferPointer(
                rebasing: buffer[place - offset..<place - offset + part])
            if let block = stored(place / blockByteCount) {
                block.bytes.withUnsafeBytes {
                    target.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[within..<within + part]))
                }
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
            place += part
        }
        return max(0, end - offset)
    }

    func read(at offset: Int, count: Int) -> [UInt8] {
        let count = max(0, min(count, byteCount - offset))
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    /// Writes and grows; returns the blocks that were touched.
    mutating func write(_ bytes: [UInt8], at offset: Int) -> Range<Int> {
        guard !bytes.isEmpty else { return 0..<0 }
        let end = offset + bytes.count
        if end > byteCount { byteCount = end }
        var place = offset
        while place < end {
            let index = place / blockByteCount
            let within = place % blockByteCount
            let part = min(blockByteCount - within, end - place)
            let new = bytes[place - offset..<place - offset + part]
            if part == blockByteCount {
                setBlock(index, part == bytes.count ? bytes : Array(new))
            } else {
                var changed = block(index)
                changed.replaceSubrange(within..<within + part, with: new)
                setBlock(index, changed)
            }
            place += part
        }
        return offset / blockByteCount..<(end - 1) / blockByteCount + 1
    }
}
