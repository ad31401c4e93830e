package import HoldfastDisk
internal import HoldfastMutants
package import HoldfastRecords

/// Why the log did not do what it was asked.
package enum LogError: Error, Sendable, CustomStringConvertible {
    /// Bytes that had been durable are not what was written. Only `open` throws it, and it has
    /// changed nothing.
    case damaged(LogDamage)
    /// The records cannot be what this program wrote: its `replay` threw. Only `open` throws it.
    case unreadable(lsn: LSN, reason: String)
    /// The log ends before the record up to which the snapshot knows the state: somebody restored
    /// an old log, or the disk lost what it had promised to keep. Only `open` throws it.
    case olderThanSnapshot(lastLSN: LSN, snapshotLSN: LSN)
    /// The log does not begin with its first record, and no snapshot says what was before it. Only
    /// `open` throws it.
    case snapshotMissing(firstLSN: LSN)
    /// No space for another segment. The batch was not written; it may be appended again.
    case full(DiskError)
    /// A write or a sync failed: what is on the disk is unknown. The log takes nothing more, and
    /// the process should end.
    case failed(DiskError)
    /// A read failed. The log goes on.
    case read(DiskError)
    case closed

    /// Whether the log is of no use any more.
    package var isFatal: Bool {
        switch self {
        case .damaged, .unreadable, .olderThanSnapshot, .snapshotMissing, .failed, .closed: true
        case .full: Mutant.noSpaceLatched.isOn
        case .read: false
        }
    }

    package var description: String {
        switch self {
        case .damaged(let damage):
            "the log is damaged: \(damage); nothing was changed. "
                + "`brokerctl segment verify` lists all of it; restore the data directory, or the "
                + "file, from a copy"
        case .unreadable(let lsn, let reason):
            "record \(lsn) cannot be replayed: \(reason)"
        case .olderThanSnapshot(let lastLSN, let snapshotLSN):
            "the log ends with record \(lastLSN), and the snapshot is newer: it knows the state up to "
                + "record \(snapshotLSN); nothing was changed. Was an older copy of log/ put under a "
                + "newer snap/? Restore both from the same copy of the data directory"
        case .snapshotMissing(let firstLSN):
            "the log begins with record \(firstLSN): what was before it is known to a snapshot only, "
                + "and there is none that can be read; nothing was changed. Restore snap/ and pages/ "
                + "from a copy, or see `brokerctl segment rebuild`"
        case .full(let error): "no space for the log: \(error)"
        case .failed(let error): "the log cannot be written: \(error)"
        case .read(let error): "the log cannot be read: \(error)"
        case .closed: "the log is closed"
        }
    }

    /// Does `body`, whose errors leave unknown what is on the disk.
    static func writing<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(LogError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw .failed(error)
        }
    }

    /// Does `body`, which changes nothing on disk but what is derived (a sidecar): a failed write of
    /// that is as bad a sign as any.
    static func reading<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(LogError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw error.isFatal ? .failed(error) : .read(error)
        }
    }

    /// Does `body`, which obtains space for files that nothing refers to yet: a full volume is no
    /// disaster there, unless it is a sync that says so.
    static func obtaining<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(LogError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            switch error.call {
            case .sync, .syncDirectory, .writeDurably: throw .failed(error)
            default: throw error.isNoSpace ? .full(error) : .failed(error)
            }
        }
    }
}
