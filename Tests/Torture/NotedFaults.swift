internal import HoldfastHarness
internal import HoldfastHistory

// What is done to a broker is written down beside what its clients see, since L1 to L3 are judged from the
// end of the last fault on, and L4 and L5 by the faults themselves. A kill by itself is not: it is over before
// the start that follows it.

extension HistoryRecorder {
    /// Writes down that there was a fault while `body` ran.
    func during<Value>(
        _ fault: HistoryFault, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let begun = HistoryRecorder.now()
        defer { recordFault(fault, from: begun, to: HistoryRecorder.now()) }
        return try await body()
    }
}

extension BrokerProcess {
    /// Starts a broker, and writes down how long it took to serve (L4).
    static func start(
        _ launch: Launch, on dataDirectory: String?, notedIn history: HistoryRecorder
    ) async throws -> BrokerProcess {
        try await history.during(.restart) { try await start(launch, on: dataDirectory) }
    }

    /// The same of a start that follows another.
    func restart(notedIn history: HistoryRecorder) async throws {
        try await history.during(.restart) { try await restart() }
    }
}

extension LoadRun {
    /// Starts the broker again, and has its clients go on.
    func restart() async throws {
        try await broker.restart(notedIn: history)
        serves()
    }
}
