internal import HoldfastDisk
internal import HoldfastRecords

extension LogRecovery {
    /// Whether an opening would refuse the log as damaged, or would take a segment of which nothing
    /// can be read for one that was never begun.
    static func isDamaged(
        _ fileSystem: any FileSystem, from origin: LogOrigin?
    ) throws(LogError) -> Bool {
        do throws(LogError) {
            var trial = try LogRecovery(fileSystem, from: origin)
            try trial.run { _, _, _ in }
            return try LogError.reading { () throws(DiskError) in
                for number in trial.chain.superfluous {
                    let path = DirectoryLayout.segment(number)
                    let file = try fileSystem.openFile(path, for: .reading)
                    guard let header = try SegmentHeader.read(from: file)?.header else { continue }
                    let reader = SegmentReader(file: file, header: header)
                    if try reader.start() != nil { continue }
                    let rest = reader.endOfStart..<header.frames.upperBound
                    if try reader.survey(rest).lastNonZeroOffset != nil { return true }
                }
                return false
            }
        } catch {
            switch error {
            // That nothing says what was before it is no reason where the file was put aside.
            case .damaged, .read, .snapshotMissing: return true
            case .unreadable, .olderThanSnapshot, .full, .failed, .closed: throw error
            }
        }
    }
}
