internal import HoldfastDisk
internal import HoldfastRecords

/// Whether there is damage to be passed.
extension LogRecovery {
    /// Whether an opening would refuse the log as damaged, or would take a segment of which nothing
    /// can be read for one that was never begun.
    static func isDamaged(
        _ fileSystem: any FileSystem, from origin: LogOrigin?
    ) throws(LogError) -> Bool {
        do throws(LogError) {
            var trial = try LogRecovery(fileSystem, from: origin)
            try trial.run { _, _, _ in }
            return try hasUnexplainedSegment(fileSystem)
        } catch {
            switch error {
            // That nothing says what was before it is no reason where the file was put aside.
            case .damaged, .read, .snapshotMissing:
                return true
            case .olderThanSnapshot:
                guard try hasUnexplainedSegment(fileSystem) else { throw error }
                return true
            case .unreadable, .full, .failed, .closed:
                throw error
            }
        }
    }

    /// Whether there is a segment without START and frames that holds something all the same: START
    /// is on the disk before anything is written behind it.
    private static func hasUnexplainedSegment(
        _ fileSystem: any FileSystem
    ) throws(LogError) -> Bool {
        try LogError.reading { () throws(DiskError) in
            for name in try fileSystem.list(DirectoryLayout.log) {
                guard let number = DirectoryLayout.segmentNumber(ofName: name) else { continue }
                let file = try fileSystem.openFile(
                    DirectoryLayout.segment(number), for: .reading)
                guard let header = try SegmentHeader.read(from: file)?.header else { continue }
                let reader = SegmentReader(file: file, header: header)
                if try reader.start() != nil { continue }
                let rest = reader.endOfStart..<header.frames.upperBound
                if try reader.survey(rest).lastNonZeroOffset != nil { return true }
            }
            return false
        }
    }
}
