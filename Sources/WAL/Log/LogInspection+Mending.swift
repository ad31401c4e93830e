internal import HoldfastDisk

extension LogInspection {
    /// Writes what a log has twice, or can make anew, from what is whole of it: the damaged one of a
    /// segment's two headers; and takes damaged sidecars away. For whoever holds the lock.
    ///
    /// - Parameter damages: what `verify` found.
    package func mend(_ damages: [LogDamage]) throws(LogError) {
        try LogError.writing { () throws(DiskError) in
            for damage in damages {
                switch damage.kind {
                case .firstHeader, .lastHeader: try mendHeader(of: damage.segmentNumber)
                case .sidecar:
                    do throws(DiskError) {
                        try fileSystem.remove(damage.path)
                    } catch {
                        guard error.isNotFound else { throw error }
                    }
                default: break
                }
            }
            try fileSystem.syncDirectory(DirectoryLayout.log)
        }
    }

    private func mendHeader(of number: UInt64) throws(DiskError) {
        let file: any File
        do throws(DiskError) {
            file = try fileSystem.openFile(
                DirectoryLayout.segment(number), for: .readingAndWriting)
        } catch {
            // It was put away meanwhile.
            guard error.isNotFound else { throw error }
            return
        }
        guard let copies = try SegmentHeader.read(from: file), copies.header.number == number,
            copies.fileByteCount == copies.header.byteCount
        else { return }
        let block = copies.header.encoded()
        if !copies.isFirstWhole { try file.write(block, at: 0) }
        if !copies.isLastWhole { try file.write(block, at: copies.header.frames.upperBound) }
        try file.sync()
    }
}
