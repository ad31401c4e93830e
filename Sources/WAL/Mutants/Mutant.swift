#if MUTANTS
internal import Glibc
#endif

/// Bugs that storage systems have had, each put into this one at the place where it would be. One
/// of them is chosen when a process starts; the tests have to notice (`make mutants`,
/// `docs/mutants.md`).
///
/// They are there in a build with the package trait `Mutants` only. In every other build `isOn` is
/// the constant `false`, and what depends on it is not compiled into anything.
@usableFromInline
package enum Mutant: Sendable {
    // MARK: The commit

    /// Replies leave when their batch is handed over to be written, and not when it is durable
    /// (RocketMQ with asynchronous flushes, Redis with `appendfsync everysec`).
    case ackBeforeSync
    /// A file of pages gets no `fsync` of its directory when it is made: a power loss takes the file,
    /// synced as it is (LevelDB and many others: Pillai et al., "All File Systems Are Not Created
    /// Equal", 2014).
    case noDirectorySyncAfterCreate
    /// A segment that was renamed into the log gets no `fsync` of the log's directory (ZooKeeper,
    /// HDFS and others; the same paper).
    case noDirectorySyncAfterRename
    /// The error of a commit's sync is thrown away (Redis and LMDB in parts: Rebello et al., "Can
    /// Applications Recover from fsync Failures?", 2020).
    case syncErrorIgnored
    /// A sync that failed is made again, and the second one, which has nothing to do, says yes
    /// (PostgreSQL before 12, "fsyncgate").
    case syncErrorRetried
    /// A broker whose log cannot be written goes on without it (beanstalkd: `w->use = 0`).
    case writeErrorDisablesLog

    // MARK: The end of the log

    /// Whatever cannot be read is taken for a torn end: what had been durable behind it is cut off
    /// (NATS JetStream).
    case cutAtFirstBadChecksum
    /// Whatever cannot be read is taken for damage: a store does not start after a power loss (etcd).
    case refusesAnyBadTail
    /// The log goes on in the file that a crash has left, behind the cut (LogCabin).
    case appendsAfterCutInSameFile
    /// Frames at the end that can be read are taken for durable, though nothing but the page cache
    /// says so: after a failed sync, or on a disk that lies, they are not (Rebello et al.).
    case trustsPageCacheAfterError
    /// Frames are checked without the salt that a file gets each time it becomes a segment: those of
    /// its former life are as good as new.
    case noSaltInChecksum
    /// A frame says that its own records are durable: a torn one certifies itself.
    case durableLSNTooHigh
    /// No frame says that anything is durable: damage cannot be told from a torn end.
    case durableLSNNeverAdvances

    // MARK: Snapshots

    /// A page that a snapshot no longer has can be written again when that snapshot is committed, while
    /// the one before it still has it: one snapshot early.
    case pageReusedEarly
    /// A snapshot counts before its file was synced. Elsewhere a snapshot gets its name before its
    /// content is on the disk; here it is written in place, and what counts is that the store goes by
    /// it, so that segments are given back.
    case snapshotCountsBeforeSync
    /// A snapshot is committed while the log lacks the last of its records: after a crash it is newer
    /// than the log.
    case snapshotOfUnsyncedRecords
    /// A segment is given back when the newest snapshot can do without it, though the one before
    /// cannot: there is nothing left to fall back to.
    case segmentsDeletedByNewerSnapshot
    /// A page's checksum, number and store are enough: that it is the very page which was meant, by
    /// its stamp, is not asked (commonware: a pointer to a record checked by its CRC alone).
    case pointerCheckedByChecksumOnly
    /// A snapshot says that it knows all that was durable when it was written, not when it was taken:
    /// acks between the two are never replayed (RocketMQ #10736).
    case snapshotOverwritesLaterAck

    // MARK: The engine

    /// Where the jobs that are due are more than are moved at once, the first of the next round is
    /// lost (Pulsar #26251, a page of them).
    case dueMoveSkipsPage
    /// There, the last one of a round is moved twice.
    case dueMoveRepeatsPage
    /// The clock of leases is one that people and NTP may set.
    case leaseDeadlineFromWallClock
    /// Leases are in memory only: after a restart nobody has them.
    case leaseNotLogged
    /// An attempt counts when its worker says how it ended: one that dies never does.
    case attemptsCountedAfterDelivery
    /// A worker whose lease has gone to somebody else may ack all the same: no fencing.
    case staleTokenAccepted
    /// Delays are counted in 32 bits (RocketMQ #10872): 25 days are past.
    case delayOverflows

    // MARK: A full disk

    /// An enqueue is taken as long as there is a segment for it, those of the reserve too: then no ack
    /// finds room (beanstalkd, Redis with a full disk under it).
    case enqueueUsesReserve
    /// A volume that was full once is full until the next start.
    case noSpaceLatched

    #if !MUTANTS
    @inlinable package var isOn: Bool { false }
    #endif
}

#if MUTANTS
extension Mutant: CaseIterable {
    /// Whether this is the one that was chosen.
    package var isOn: Bool { Mutant.chosen == self }

    /// What the environment of this process asks for; nil where it asks for none. The one place
    /// beside the executables that reads the environment.
    private static let chosen: Mutant? = {
        guard let value = getenv("HOLDFAST_MUTANT") else { return nil }
        let name = String(cString: value)
        guard let mutant = allCases.first(where: { "\($0)" == name }) else {
            fatalError("HOLDFAST_MUTANT=\(name): there is no such mutant")
        }
        return mutant
    }()
}
#endif
