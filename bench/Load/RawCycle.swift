internal import NIOCore
internal import NIOPosix

/// A cycle over the raw protocol: all connections on one event loop, no task and no promise for a
/// request, so that what is measured is the broker as far as possible.
///
/// After `run` was called everything happens on the event loop.
final class RawCycle: @unchecked Sendable {
    let shape: CycleShape
    let queue: String
    let template: EnqueueTemplate
    let ledger = CycleLedger()
    /// nil: nothing is written down.
    let history: CycleHistory?
    private(set) var isProducing = false

    private let loop: any EventLoop
    private let done: EventLoopPromise<Void>
    private let meter: ProcessorMeter
    private var producers: [ProducerHandler] = []
    private var consumers: [ConsumerHandler] = []
    private var nextToResume = 0
    private var connectedCount = 0
    private var hasEnded = false

    private init(
        shape: CycleShape, queue: String, meter: ProcessorMeter, history: CycleHistory?,
        loop: any EventLoop
    ) {
        self.history = history
        self.shape = shape
        self.queue = queue
        self.meter = meter
        self.loop = loop
        template = EnqueueTemplate(
            queue: queue, jobCount: shape.batch, payloadByteCount: shape.size)
        done = loop.makePromise()
    }

    /// Measures, waits until every job is acknowledged, and gives back the accounts.
    static func run(
        _ shape: CycleShape, host: String, port: Int, queue: String, meter: ProcessorMeter,
        history: CycleHistory? = nil
    ) async throws -> CycleLedger {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let cycle = RawCycle(
                shape: shape, queue: queue, meter: meter, history: history, loop: group.next())
            let bootstrap = ClientBootstrap(group: group)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(
                        minimum: 4_096, initial: 16_384, maximum: 262_144))
            var channels: [any Channel] = []
            for index in 0..<shape.producers + shape.consumers {
                let isProducer = index < shape.producers
                let channel = try await bootstrap.channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try cycle.addHandler(to: channel, isProducer: isProducer)
                    }
                }.connect(host: host, port: port).get()
                channels.append(channel)
            }
            try await cycle.done.futureResult.get()
            for channel in channels { try? await channel.close().get() }
            try await group.shutdownGracefully()
            return cycle.ledger
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func addHandler(to channel: any Channel, isProducer: Bool) throws {
        if isProducer {
            let handler = ProducerHandler(run: self, number: producers.count)
            producers.append(handler)
            try channel.pipeline.syncOperations.addHandler(handler)
        } else {
            let handler = ConsumerHandler(run: self, number: shape.producers + consumers.count)
            consumers.append(handler)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    /// A connection has been greeted. The last one starts the run.
    func connected() {
        connectedCount += 1
        guard connectedCount == shape.producers + shape.consumers else { return }
        isProducing = true
        for consumer in consumers { consumer.begin() }
        for producer in producers { producer.send() }
        loop.scheduleTask(in: .nanoseconds(Int64(shape.warmUpSeconds * 1e9))) {
            self.meter.begin()
            self.ledger.beginMeasuring()
            self.loop.scheduleTask(in: .nanoseconds(Int64(self.shape.seconds * 1e9))) {
                self.ledger.endMeasuring()
                self.meter.end()
                self.isProducing = false
                self.loop.scheduleTask(in: .seconds(60)) {
                    self.fail("not everything was done a minute after the last enqueue")
                }
                self.endIfDrained()
            }
        }
    }

    /// Lets paused producers send again, in turn, as long as the bound allows.
    /// Producers that wait until fewer jobs are unfinished.
    var pausedCount = 0

    func resumeProducers() {
        guard isProducing, pausedCount > 0 else { return }
        for _ in producers.indices {
            guard ledger.unfinishedCount < shape.unfinishedCountMax else { return }
            nextToResume = (nextToResume + 1) % producers.count
            if producers[nextToResume].isPaused { producers[nextToResume].send() }
        }
    }

    func endIfDrained() {
        guard connectedCount == shape.producers + shape.consumers, !isProducing, !hasEnded,
            ledger.enqueuedCount == ledger.sentCount, ledger.unfinishedCount == 0
        else { return }
        hasEnded = true
        done.succeed()
    }

    func fail(_ description: String) {
        guard !hasEnded else { return }
        hasEnded = true
        isProducing = false
        ledger.fail(description)
        done.fail(BenchFault(description))
    }
}
