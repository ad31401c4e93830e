/// Where a demonstration stands, and who waits for it to get on.
actor Tally {
    /// The part of the work in which the broker is killed.
    static let middle = 0.42...0.6

    let total: Int
    /// Jobs that may be enqueued and not completed: so that there is still something to enqueue when
    /// the broker is killed.
    private let aheadMax: Int
    private let burstCount: Int
    private var isAbandoned = false
    private(set) var sentCount = 0
    private(set) var answeredCount = 0
    private(set) var book = ResultBook()
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(total: Int, aheadMax: Int) {
        self.total = total
        self.aheadMax = aheadMax
        burstCount = max(4, aheadMax / 2)
    }

    var completedCount: Int { book.completedCount }
    /// Enqueues whose answer has not come.
    var unansweredCount: Int { sentCount - answeredCount }
    /// In the middle a few more may be ahead, so that just then there is something to enqueue.
    private var surgeCount: Int { completedShare >= Self.middle.lowerBound ? 16 : 0 }
    /// Whether enough of them are under way for a crash to hit some: several, or half a burst.
    var isEnqueueing: Bool { unansweredCount >= min(8, burstCount / 2) }
    /// Jobs that were sent and of which there is no result.
    var pendingCount: Int { sentCount - completedCount }
    var completedShare: Double { Double(completedCount) / Double(total) }

    /// Waits for a place among those that may be enqueued. Places are given out by the dozen, so
    /// that enqueues come in bursts with many of them in flight.
    func willEnqueue() async {
        if pendingCount >= aheadMax + surgeCount {
            while pendingCount > aheadMax + surgeCount - burstCount, !isAbandoned {
                await withCheckedContinuation { waiting.append($0) }
            }
        }
        sentCount += 1
    }

    func didEnqueue() {
        answeredCount += 1
    }

    func add(_ result: FingerprintResult) {
        book.add(result)
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume() }
    }

    /// Lets everybody go who waits, since nothing will get on any more.
    func abandon() {
        isAbandoned = true
        let resumed = waiting
        waiting = []
        for continuation in resumed { continuation.resume() }
    }
}
