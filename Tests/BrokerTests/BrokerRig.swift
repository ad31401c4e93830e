internal import HoldfastBroker
internal import HoldfastDisk
internal import HoldfastModel
internal import HoldfastProtocol
internal import HoldfastSimulation
internal import HoldfastWAL
internal import Logging
internal import NIOCore
internal import NIOEmbedded
internal import Synchronization
internal import Testing

/// A whole broker on the disk's twin, with clients at hand and a clock that the test moves: the
/// commit loop, the connections and the log are the real ones, and nothing happens by itself.
final class BrokerRig {
    private let clock = RigClock()
    private(set) var disk: SimulatedFileSystem
    private let tellsSuspicion: Bool
    private(set) var loop: CommitLoop
    private(set) var eventLoop = EmbeddedEventLoop()
    private let configuration: BrokerConfiguration
    /// What the broker has logged.
    let logged = RecordedLog()
    /// Hold one of them to look at what happens while it is at work.
    let writer = SteppedThread()
    let reader = SteppedThread()
    let background = SteppedThread()

    /// - Parameter tellsSuspicion: see `SuspicionTeller`.
    init(
        leaseCountMax: Int = 1_000, disk: SimulatedFileSystem = SimulatedFileSystem(),
        tellsSuspicion: Bool = false, _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = BrokerConfiguration(dataDirectory: "simulated")
        configuration.segmentByteCount = 1 << 20
        configuration.leaseCountMax = leaseCountMax
        change(&configuration)
        self.configuration = configuration
        self.disk = disk
        self.tellsSuspicion = tellsSuspicion
        loop = try Self.open(
            configuration, tellsSuspicion ? SuspicionTeller(disk) : disk, eventLoop, clock,
            WorkThreads(writer: writer, readers: reader, background: background),
            logged)
    }

    private static func open(
        _ configuration: BrokerConfiguration, _ disk: any FileSystem,
        _ eventLoop: EmbeddedEventLoop, _ clock: RigClock, _ threads: WorkThreads,
        _ logged: RecordedLog
    ) throws -> CommitLoop {
        let store = try OpenStore(
            configuration, fileSystem: disk,
            start: LogStart(
                bootID: UniqueID(high: 1, low: 1), wallMilliseconds: 1_000_000,
                bootMilliseconds: clock.milliseconds, softwareVersion: "rig"),
            readBoot: { clock.milliseconds })
        return store.commitLoop(
            eventLoop: eventLoop, configuration: configuration, threads: threads,
            logger: Logger(label: "rig", factory: { _ in RecordingLogHandler(log: logged) }))
    }

    /// Power is lost with everything that was not synced, and the broker starts again, on another disk
    /// where `disk.disk` was set.
    ///
    /// - Parameters:
    ///   - capacityByteCount: bytes that the volume has then; nil for no end.
    ///   - noNames: whether nothing can be made on it.
    func losePower(capacityByteCount: Int? = nil, noNames: Bool = false) throws {
        disk = SimulatedFileSystem(disk.disk.afterPowerLoss(CrashChoices()))
        disk.capacityByteCount = capacityByteCount
        if noNames {
            disk.fail(SimulatedFault([.create], code: DiskError.noSpace, isPersistent: true))
        }
        eventLoop = EmbeddedEventLoop()
        loop = try Self.open(
            configuration, tellsSuspicion ? SuspicionTeller(disk) : disk, eventLoop, clock,
            WorkThreads(writer: writer, readers: reader, background: background),
            logged)
    }

    /// Has the upkeep done, a piece whenever time passes.
    func startBackgroundWork() {
        loop.startBackgroundWork()
        run()
    }

    func connect(producer: UInt64 = 0, greets: Bool = true) throws -> RigClient {
        let client = try RigClient(self)
        if greets {
            client.send {
                HelloRequest.write(
                    correlation: 0,
                    producer: producer == 0 ? nil : ProducerID(low: producer, high: 1),
                    clientName: "rig", into: &$0)
            }
            run()
            #expect(client.replies().map(\.kind) == [.answer(.hello)])
        }
        return client
    }

    /// Ends the pass: what was sent is committed and answered.
    func run() { eventLoop.run() }

    /// The clock goes on while the broker is busy with the pass.
    func passWithoutRunning(milliseconds: Int64) { clock.milliseconds += milliseconds }

    /// Lets time pass; timers that fall due fire.
    func pass(milliseconds: Int64) {
        clock.milliseconds += milliseconds
        eventLoop.advanceTime(by: .milliseconds(milliseconds))
        eventLoop.run()
    }

    /// Writes that were durable when they returned, up to now.
    var durableWriteCount: Int { disk.calls.count { $0.call == .writeDurably && $0.code == nil } }
}

/// The boot clock of a rig.
final class RigClock: Sendable {
    private let now = Atomic<Int64>(10_000)

    var milliseconds: Int64 {
        get { now.load(ordering: .relaxed) }
        set { now.store(newValue, ordering: .relaxed) }
    }
}

/// One connection to a rig.
final class RigClient {
    struct Reply {
        let kind: ReplyKind
        let correlation: UInt32
        let body: [UInt8]

        var refusal: RefusalReply? {
            kind == .refusal ? body.withUnsafeBytes { try? RefusalReply(body: $0) } : nil
        }

        var enqueued: EnqueueReply? { body.withUnsafeBytes { try? EnqueueReply(body: $0) } }
        var items: [ItemAnswer]? { body.withUnsafeBytes { try? ItemsReply(body: $0).answers } }
        var shown: JobShowReply? { body.withUnsafeBytes { try? JobShowReply(body: $0) } }

        var status: [String: StatusReply.Value] {
            let entries = body.withUnsafeBytes { try? StatusReply(body: $0).entries }
            return Dictionary(
                (entries ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        }

        var jobs: [(token: LeaseToken, id: JobID, attempt: UInt32, payload: String)] {
            guard case .answer(let request) = kind else { return [] }
            var jobs: [(token: LeaseToken, id: JobID, attempt: UInt32, payload: String)] = []
            body.withUnsafeBytes { body in
                guard let reply = try? LeaseReply(to: request, body: body) else { return }
                reply.forEachJob { job in
                    let content = JobContent(trusted: job.content)
                    let payload = content.map { String(decoding: $0.payload, as: UTF8.self) }
                    jobs.append((job.token, job.id, job.attempt, payload ?? "?"))
                }
            }
            return jobs
        }
    }

    private let rig: BrokerRig
    let channel: EmbeddedChannel
    private var correlation: UInt32 = 100

    fileprivate init(_ rig: BrokerRig) throws {
        self.rig = rig
        channel = EmbeddedChannel(loop: rig.eventLoop)
        try channel.pipeline.syncOperations.addHandler(
            rig.loop.makeHandler(allocator: channel.allocator))
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        rig.run()
    }

    /// Sends bytes without ending the pass.
    func send(_ encode: (inout ByteBuffer) -> Void) {
        var buffer = ByteBuffer()
        encode(&buffer)
        #expect(throws: Never.self) { try channel.writeInbound(buffer) }
    }

    /// What has been answered and was not looked at yet.
    func replies() -> [Reply] {
        var bytes = ByteBuffer()
        while var part = try? channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
        var replies: [Reply] = []
        bytes.withUnsafeReadableBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                guard let header = try? FrameHeader.parse(rest, lengthMax: 1 << 24),
                    let kind = try? header.replyKind()
                else {
                    Issue.record("a reply cannot be read")
                    return
                }
                replies.append(
                    Reply(
                        kind: kind, correlation: header.correlation,
                        body: Array(header.body(of: rest))))
                offset += header.frameByteCount
            }
        }
        return replies
    }

    /// Sends one request, ends the pass, and returns the one reply.
    func ask(_ encode: (UInt32, inout ByteBuffer) -> Void) throws -> Reply {
        correlation += 1
        send { encode(correlation, &$0) }
        rig.run()
        let replies = replies()
        #expect(replies.count == 1)
        let reply = try #require(replies.first)
        #expect(reply.correlation == correlation)
        return reply
    }

    func close() {
        channel.close(promise: nil)
        rig.run()
    }

    /// What STATUS says, by name.
    func status() throws -> [String: StatusReply.Value] {
        try ask { EmptyFrame.write(.status, correlation: $0, into: &$1) }.status
    }

    // MARK: Requests

    static func enqueue(
        _ payloads: [String], to queue: String, sequence: UInt64 = 0, priority: UInt8 = 0,
        delayMilliseconds: UInt64 = 0, attemptCountMax: UInt32 = 0
    ) -> (UInt32, inout ByteBuffer) -> Void {
        { correlation, buffer in
            var writer = EnqueueWriter(
                correlation: correlation, sequence: sequence, queue: queue, into: &buffer)
            for payload in payloads {
                let content = Array(payload.utf8).withUnsafeBytes {
                    JobContent.bytes(kind: Array("test".utf8), headers: [], payload: $0)
                }
                content.withUnsafeBytes {
                    writer.append(
                        priority: priority, attemptCountMax: attemptCountMax,
                        delayMilliseconds: delayMilliseconds, content: $0, into: &buffer)
                }
            }
            writer.finish(in: &buffer)
        }
    }

    static func lease(
        _ queue: String, count: Int = 1, wait: UInt32 = 0, duration: UInt32 = 0
    ) -> (UInt32, inout ByteBuffer) -> Void {
        { correlation, buffer in
            LeaseRequest.write(
                correlation: correlation,
                order: LeaseOrder(
                    count: count, waitMilliseconds: wait, durationMilliseconds: duration),
                queue: queue, into: &buffer)
        }
    }

    static func ack(_ tokens: [LeaseToken]) -> (UInt32, inout ByteBuffer) -> Void {
        { TokenRequest.write(.ack, correlation: $0, tokens: tokens, into: &$1) }
    }
}
