package import HoldfastDisk

/// A call that says it has done what it was asked, and has not.
///
/// What a lying write leaves is seen at once, as past the page cache; what a lying sync leaves is
/// seen only after the next power loss.
package enum SimulatedLie: Sendable, Hashable {
    /// Nothing is written; the file is as long as if it had been.
    case lostWrite
    /// The bytes land so many blocks further on in the same file, or further back where that is
    /// beyond its end; never in their own place.
    case misdirectedWrite(byBlocks: Int)
    /// They land at the same offset of another file, chosen by a number among those that are as
    /// long; lost where there is none.
    case foreignWrite(choice: Int)
    /// One bit of what is written is the other one; the number is taken modulo those there are.
    case flippedWrite(bit: Int)
    /// The blocks of one write change places, first and last; with one block nothing is wrong.
    case swappedWrite
    /// A sync, or the one in `writeDurably`, that leaves every block to itself: in the next power
    /// loss each is old, new or neither, whatever was synced after it. Blocks are reordered past
    /// the flush.
    case lostSync
    /// The same, and the next sync of that file fails, as if for what it itself has written: an
    /// error that is reported late. What the cache shows in between, and after, is that of a sync
    /// that fails at once; where it lasts, every sync from then on fails, of other files too.
    case lateError(code: Int32, pages: PagesAfterFailure)
    /// One bit of what is read is the other one; the medium is as it was.
    case flippedRead(bit: Int)
    /// A read that ends after so many bytes, as if the file did. `File.read` promises all that
    /// there is: the kernel's short transfers are continued below it.
    case shortRead(byteCount: Int)

    /// What reports it, where that comes late.
    var report: SimulatedFault? {
        guard case .lateError(let code, let pages) = self else { return nil }
        return SimulatedFault(code: code, pages: pages)
    }

    /// Which calls can tell it.
    package var calls: Set<DiskError.Call> {
        switch self {
        case .lostWrite, .misdirectedWrite, .foreignWrite, .flippedWrite, .swappedWrite:
            [.write, .writeDurably]
        case .lostSync, .lateError: [.sync, .writeDurably]
        case .flippedRead, .shortRead: [.read]
        }
    }
}

extension SimulatedDisk {
    /// Where the bytes of a write come to lie, and which they are.
    struct Landing {
        var file: FileID
        var offset: Int
        var bytes: [UInt8]
    }

    /// Does a write as a lie has it; a write that is none of its business as it was asked.
    ///
    /// - Returns: where it went; nil where nowhere.
    func landing(_ lie: SimulatedLie, of write: Landing) -> Landing? {
        var landing = write
        switch lie {
        case .lostWrite: return nil
        case .misdirectedWrite(let byBlocks):
            let length = inodes[write.file]?.current.byteCount ?? 0
            let distance = byBlocks * blockByteCount
            landing.offset = write.offset + distance
            if landing.offset < 0 || landing.offset + write.bytes.count > length {
                landing.offset = write.offset - distance
            }
            if landing.offset < 0 || landing.offset + write.bytes.count > length { return nil }
        case .foreignWrite(let choice):
            let end = write.offset + write.bytes.count
            let others = files.compactMap { file($0) }.filter {
                $0 != write.file && (inodes[$0]?.current.byteCount ?? 0) >= end
            }
            guard !others.isEmpty else { return nil }
            landing.file = others[choice % others.count]
        case .flippedWrite(let bit):
            landing.bytes.flip(bit)
        case .swappedWrite:
            let count = write.bytes.count / blockByteCount
            guard count > 1, write.offset % blockByteCount == 0 else { return write }
            let last = (count - 1) * blockByteCount..<count * blockByteCount
            landing.bytes.replaceSubrange(0..<blockByteCount, with: write.bytes[last])
            landing.bytes.replaceSubrange(last, with: write.bytes[..<blockByteCount])
        case .lostSync, .lateError, .flippedRead, .shortRead: break
        }
        return landing
    }

    /// Makes a file as long as a write that was lost would have made it.
    mutating func extend(_ file: FileID, to byteCount: Int) {
        guard byteCount > inodes[file]?.current.byteCount ?? .max else { return }
        inodes[file]?.current.resize(to: byteCount)
    }
}

extension [UInt8] {
    mutating func flip(_ bit: Int) {
        guard !isEmpty else { return }
        self[bit / 8 % count] ^= 1 << UInt8(bit % 8)
    }
}
