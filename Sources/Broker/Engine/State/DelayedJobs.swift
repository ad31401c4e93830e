internal import HeapModule

/// A delayed job in the order in which delayed jobs fall due.
struct DelayedJob: Comparable {
    var dueMilliseconds: Int64
    var lsn: UInt64

    static func < (left: DelayedJob, right: DelayedJob) -> Bool {
        left.dueMilliseconds != right.dueMilliseconds
            ? left.dueMilliseconds < right.dueMilliseconds : left.lsn < right.lsn
    }
}

/// All delayed jobs, the next one due first. A cancelled job's entry stays until it comes to the top
/// or until such entries are the majority; the engine sees to it that the top is never one of them.
struct DelayedJobs {
    private var heap = Heap<DelayedJob>()
    /// What `advance` took off the heap, in order, and `apply` has not yet consumed.
    private var taken: [DelayedJob] = []
    private var takenPosition = 0
    var staleCount = 0

    var count: Int { heap.count + taken.count - takenPosition }

    var first: DelayedJob? {
        takenPosition < taken.count ? taken[takenPosition] : heap.min
    }

    mutating func insert(_ job: DelayedJob) { heap.insert(job) }

    mutating func removeFirst() -> DelayedJob? {
        guard takenPosition < taken.count else { return heap.popMin() }
        let job = taken[takenPosition]
        takenPosition += 1
        if takenPosition == taken.count {
            taken.removeAll(keepingCapacity: true)
            takenPosition = 0
        }
        return job
    }

    /// Takes the first job off the heap to where `first` and `removeFirst` still find it.
    mutating func prepareFirst() {
        if let job = heap.popMin() { taken.append(job) }
    }

    /// The first job of the heap, those that were prepared left out.
    var firstUnprepared: DelayedJob? { heap.min }

    mutating func removeFirstUnprepared() { _ = heap.popMin() }

    /// All that were not prepared, in no order, the stale ones too.
    var unprepared: [DelayedJob] { heap.unordered }

    /// Keeps what is valid.
    mutating func rebuild(keeping isValid: (DelayedJob) -> Bool) {
        heap = Heap(heap.unordered.filter(isValid))
        staleCount = 0
    }
}
