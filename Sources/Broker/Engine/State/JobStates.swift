internal import HoldfastModel
internal import HoldfastPages

/// What must be known of a job beyond its birth: of every job that was ever returned, saved a
/// checkpoint, or has a limit of its own. 64 bytes in the map, laid out as the fields stand here,
/// little-endian.
///
/// While the job is leased, its home and its version are those of the lease; what stands here is from
/// before.
struct JobStateValue: BitwiseCopyable {
    static let errorFlag: UInt8 = 1
    static let checkpointFlag: UInt8 = 2

    /// A `JobState`.
    var homeByte: UInt8
    /// Which of last error and checkpoint there are.
    var flags: UInt8 = 0
    /// A `DeathReason`; 0 while it lives.
    var deathReason: UInt8 = 0
    private var zero: UInt8 = 0
    var lane: LaneNumber
    var enqueuedSecond: UInt32
    var contentByteCount: UInt32
    /// 0 = as the queue says.
    var attemptCountMax: UInt32 = 0
    var version: UInt32 = 0
    /// Attempts that have ended.
    var attempts: UInt32 = 0
    var interruptions: UInt32 = 0
    var timeouts: UInt32 = 0
    var releases: UInt32 = 0
    /// Broker time; 0 where not delayed.
    var dueMilliseconds: Int64 = 0
    /// Broker time; 0 where not dead.
    var diedMilliseconds: Int64 = 0
    /// The job's place in the order of death; 0 where not dead.
    var deathNumber: UInt64 = 0

    init(_ home: JobState, lane: LaneNumber, enqueuedSecond: UInt32, contentByteCount: UInt32) {
        homeByte = home.rawValue
        self.lane = lane
        self.enqueuedSecond = enqueuedSecond
        self.contentByteCount = contentByteCount
    }

    var home: JobState {
        get { JobState(rawValue: homeByte) ?? .done }
        set { homeByte = newValue.rawValue }
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    /// The job's place in a lane once it is ready.
    func laneEntry(_ lsn: UInt64) -> LaneEntry {
        LaneEntry(
            lsn: lsn, version: version, enqueuedSecond: enqueuedSecond,
            contentByteCount: contentByteCount, flags: LaneEntry.stateFlag)
    }
}

/// Job states, last errors and checkpoints in the map.
extension OrderedMap {
    func jobState(_ lsn: UInt64) -> JobStateValue? {
        find(StateKey.state.key(lsn)).flatMap { JobStateValue(loadingFrom: $0) }
    }

    mutating func setJobState(_ lsn: UInt64, _ state: JobStateValue) {
        withUnsafeBytes(of: state) { insert(StateKey.state.key(lsn), $0) }
    }

    /// Forgets a job's state and the texts that it says there are.
    mutating func removeJobState(_ lsn: UInt64, _ state: JobStateValue) {
        remove(StateKey.state.key(lsn))
        if state.has(JobStateValue.errorFlag) { remove(StateKey.error.key(lsn)) }
        if state.has(JobStateValue.checkpointFlag) { remove(StateKey.checkpoint.key(lsn)) }
    }

    /// The text of a kind that belongs to a job; an empty one is not there.
    func text(_ kind: StateKey, _ lsn: UInt64) -> [UInt8] {
        find(kind.key(lsn)).map { Array($0) } ?? []
    }

    mutating func setText(_ kind: StateKey, _ lsn: UInt64, _ text: UnsafeRawBufferPointer) {
        if text.isEmpty {
            remove(kind.key(lsn))
        } else {
            insert(kind.key(lsn), text)
        }
    }
}

extension JobStateValue {
    /// Reads the bytes of a value; nil where they are none of one.
    init?(loadingFrom bytes: UnsafeRawBufferPointer) {
        guard bytes.count == MemoryLayout<Self>.size else { return nil }
        self = bytes.loadUnaligned(as: Self.self)
        switch home {
        case .ready, .delayed, .leased, .dead: break
        case .done: return nil
        }
    }
}
