internal import HoldfastPages

/// A delayed job in the order in which delayed jobs fall due. What is due before 1970 or in 36
/// million years counts as due then.
struct DelayedJob: Comparable {
    let dueMilliseconds: Int64
    let lsn: UInt64

    init(dueMilliseconds: Int64, lsn: UInt64) {
        self.dueMilliseconds = min(max(dueMilliseconds, 0), Int64(StateKey.valueMax))
        self.lsn = lsn
    }

    init(_ key: MapKey) {
        dueMilliseconds = Int64(StateKey.value(of: key))
        lsn = key.low
    }

    var key: MapKey { StateKey.delayed.key(UInt64(dueMilliseconds), low: lsn) }

    static func < (left: DelayedJob, right: DelayedJob) -> Bool {
        left.dueMilliseconds != right.dueMilliseconds
            ? left.dueMilliseconds < right.dueMilliseconds : left.lsn < right.lsn
    }
}

/// Where a delayed job goes when it is due: all that is needed of one that has no state. 16 bytes.
struct DelayedPlace: BitwiseCopyable {
    var lane: LaneNumber
    var enqueuedSecond: UInt32
    var contentByteCount: UInt32
    /// 1: the job has a state. All others 0.
    var flags: UInt32

    var hasState: Bool { flags & 1 != 0 }
}

extension DelayedPlace {
    init(lane: LaneNumber, enqueuedSecond: UInt32, contentByteCount: UInt32, hasState: Bool) {
        self.init(
            lane: lane, enqueuedSecond: enqueuedSecond, contentByteCount: contentByteCount,
            flags: hasState ? 1 : 0)
    }

    /// Reads the bytes of a value; nil where they are none of one.
    init?(loadingFrom bytes: UnsafeRawBufferPointer) {
        guard bytes.count == MemoryLayout<Self>.size else { return nil }
        self = bytes.loadUnaligned(as: Self.self)
    }
}

/// All delayed jobs, in the map. The first one is known without looking there.
struct DelayedJobs {
    private(set) var first: DelayedJob?

    mutating func insert(_ job: DelayedJob, _ place: DelayedPlace, _ map: inout OrderedMap) {
        withUnsafeBytes(of: place) { map.insert(job.key, $0) }
        if let first, first < job { return }
        first = job
    }

    /// Where the job would go; nil where it is not delayed until then.
    func place(of job: DelayedJob, _ map: OrderedMap) -> DelayedPlace? {
        map.find(job.key).flatMap { DelayedPlace(loadingFrom: $0) }
    }

    mutating func remove(_ job: DelayedJob, _ map: inout OrderedMap) {
        map.remove(job.key)
        if job == first { findFirst(map) }
    }

    /// The job after this one.
    func next(after job: DelayedJob, _ map: OrderedMap) -> DelayedJob? {
        job.key.successor.flatMap { Self.first(from: $0, map) }
    }

    /// Looks the first one up again: after a start.
    mutating func findFirst(_ map: OrderedMap) {
        first = Self.first(from: StateKey.delayed.key(0), map)
    }

    private static func first(from key: MapKey, _ map: OrderedMap) -> DelayedJob? {
        guard let found = map.first(from: key), StateKey.delayed.holds(found.key) else {
            return nil
        }
        return DelayedJob(found.key)
    }
}
