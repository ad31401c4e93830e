/// What must be known of a job beyond its place: of every job that was ever returned, delayed, or
/// has a limit of its own.
struct JobStateValue {
    var lsn: UInt64
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
    /// The neighbours in the queue's dead list.
    var deadPrevious: UInt32 = 0
    var deadNext: UInt32 = 0
    /// A `DeathReason`; 0 while it lives.
    var deathReason: UInt8 = 0
    var dueMilliseconds: Int64 = 0
    var diedMilliseconds: Int64 = 0
    var error = OwnedBytes()
    var checkpoint = OwnedBytes()
    /// Whether a checkpoint was saved, be it an empty one.
    var hasCheckpoint = false

    init(lsn: UInt64, enqueuedSecond: UInt32, contentByteCount: UInt32) {
        self.lsn = lsn
        self.enqueuedSecond = enqueuedSecond
        self.contentByteCount = contentByteCount
    }

    /// Whether the job is as a fresh one, so that nothing is lost with this value.
    var isTrivial: Bool { version == 0 && attemptCountMax == 0 }
}

/// Bytes on the heap with a single owner, who frees them.
struct OwnedBytes: BitwiseCopyable {
    private var start: UnsafeMutableRawPointer?
    private(set) var count = 0

    var view: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    mutating func set(_ bytes: UnsafeRawBufferPointer) {
        free()
        guard !bytes.isEmpty else { return }
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyMemory(from: bytes.start, byteCount: bytes.count)
        start = copy
        count = bytes.count
    }

    mutating func free() {
        start?.deallocate()
        start = nil
        count = 0
    }
}
