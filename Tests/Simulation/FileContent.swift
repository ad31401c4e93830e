/// The bytes of a file in blocks. A block without storage is all zeros; copies share what they do
/// not change.
struct FileContent: Sendable, Equatable {
    let blockByteCount: Int
    private(set) var byteCount = 0
    private var blocks: [[UInt8]] = []

    init(blockByteCount: Int) {
        self.blockByteCount = blockByteCount
    }

    var blockCount: Int { (byteCount + blockByteCount - 1) / blockByteCount }

    func block(_ index: Int) -> [UInt8] {
        guard index < blocks.count, !blocks[index].isEmpty else {
            return [UInt8](repeating: 0, count: blockByteCount)
        }
        return blocks[index]
    }

    /// Whether a block is the same in both; cheap where they share it.
    func hasSameBlock(_ index: Int, as other: FileContent) -> Bool {
        let mine = index < blocks.count ? blocks[index] : []
        let theirs = index < other.blocks.count ? other.blocks[index] : []
        return mine == theirs || block(index) == other.block(index)
    }

    mutating func setBlock(_ index: Int, _ bytes: [UInt8]) {
        precondition(bytes.isEmpty || bytes.count == blockByteCount)
        while blocks.count <= index { blocks.append([]) }
        blocks[index] = bytes
    }

    /// Changes the length; what is new reads as zeros.
    mutating func resize(to count: Int) {
        if count < byteCount {
            let kept = (count + blockByteCount - 1) / blockByteCount
            if blocks.count > kept { blocks.removeLast(blocks.count - kept) }
            let inside = count % blockByteCount
            if inside > 0, blocks.count == kept, !blocks[kept - 1].isEmpty {
                for offset in inside..<blockByteCount { blocks[kept - 1][offset] = 0 }
            }
        }
        byteCount = count
    }

    func read(at offset: Int, count: Int) -> [UInt8] {
        let end = min(offset + count, byteCount)
        guard offset < end else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(end - offset)
        var place = offset
        while place < end {
            let index = place / blockByteCount
            let within = place % blockByteCount
            let part = min(blockByteCount - within, end - place)
            if index < blocks.count, !blocks[index].isEmpty {
                result += blocks[index][within..<within + part]
            } else {
                result += repeatElement(0, count: part)
            }
            place += part
        }
        return result
    }

    /// Writes and grows; returns the blocks that were touched.
    mutating func write(_ bytes: some RandomAccessCollection<UInt8>, at offset: Int) -> Range<Int> {
        guard !bytes.isEmpty else { return 0..<0 }
        let end = offset + bytes.count
        if end > byteCount { byteCount = end }
        var place = offset
        var rest = bytes[...]
        while place < end {
            let index = place / blockByteCount
            let within = place % blockByteCount
            let part = min(blockByteCount - within, end - place)
            var changed = part == blockByteCount ? [] : block(index)
            if part == blockByteCount {
                changed = Array(rest.prefix(part))
            } else {
                changed.replaceSubrange(within..<within + part, with: rest.prefix(part))
            }
            setBlock(index, changed)
            rest = rest.dropFirst(part)
            place += part
        }
        return offset / blockByteCount..<(end - 1) / blockByteCount + 1
    }
}
