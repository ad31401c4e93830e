internal import HoldfastDisk
internal import HoldfastRecords
internal import HoldfastWAL

/// The bodies of records that were read from the log.
///
/// Where one place of the disk cannot be read, only the record there is concerned, and it is as good
/// as damaged: whoever waits for such a place to answer waits for ever, with all that queue behind it.
struct RecordBodies {
    /// Those that are what was written.
    private(set) var whole: [LSN: [UInt8]] = [:]
    /// Those that could not be asked for, which says nothing about them. What is in neither is
    /// damaged, gone, or lies where the disk failed twice to read it.
    private(set) var unknown: Set<LSN> = []

    /// Reads them: in one go, or each by itself where that fails.
    init(of lsns: [LSN], in log: WriteAheadLog) {
        if lsns.isEmpty || read(lsns, log) == nil { return }
        for lsn in lsns where whole[lsn] == nil {
            guard let error = read([lsn], log) else { continue }
            if case .read(let error) = error, error.call == .read,
                error.code == DiskError.inputOutput
            {
                continue
            }
            unknown.insert(lsn)
        }
    }

    /// - Returns: why not all of them could be read.
    private mutating func read(_ lsns: [LSN], _ log: WriteAheadLog) -> LogError? {
        do throws(LogError) {
            try log.read(lsns) { lsn, body in
                if let body { whole[lsn] = Array(body) }
            }
            return nil
        } catch {
            if case .failed = error {
                FailStop.exit(.storageFailed, "the log failed while it was read: \(error)")
            }
            return error
        }
    }
}
