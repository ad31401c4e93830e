/// The clock and the processor time of broker and bench at the two ends of the measured time.
///
/// Read on the measurement's event loop, looked at when that has ended.
final class ProcessorMeter: @unchecked Sendable {
    private let broker: Int32?
    private var start = (nanoseconds: UInt64(0), own: 0.0, broker: 0.0)
    private(set) var seconds = 0.0
    private(set) var ownProcessorSeconds = 0.0
    /// nil where the broker is not a process of this run.
    private(set) var brokerProcessorSeconds: Double?

    init(broker: Int32?) {
        self.broker = broker
    }

    func begin() {
        start = (MonotonicTime.nanoseconds, ProcessorTime.own, brokerTime ?? 0)
    }

    func end() {
        seconds = Double(MonotonicTime.nanoseconds - start.nanoseconds) / 1e9
        ownProcessorSeconds = ProcessorTime.own - start.own
        brokerProcessorSeconds = brokerTime.map { $0 - start.broker }
    }

    private var brokerTime: Double? { broker.flatMap(ProcessorTime.of(process:)) }
}
