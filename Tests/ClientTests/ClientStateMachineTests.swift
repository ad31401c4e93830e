import HoldfastClient
import HoldfastModel
import HoldfastProtocol
import NIOCore
import Testing

@Suite struct ClientStateMachineTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func machine(failsFast: Bool = false) -> ClientStateMachine {
        ClientStateMachine(
            clientName: "test", producer: ProducerID(low: 1, high: 2), failsFast: failsFast,
            keepAliveInterval: .seconds(10))
    }

    private func request(
        _ ticket: UInt64, _ kind: RequestKind = .ping, isRepeatable: Bool = true,
        deadline: NIODeadline? = nil
    ) -> ClientRequest {
        var frame = ByteBuffer()
        if kind == .enqueue {
            EnqueueWriter(correlation: 0, sequence: 0, queue: "q", into: &frame)
                .finish(in: &frame)
        } else {
            EmptyFrame.write(kind, correlation: 0, into: &frame)
        }
        return ClientRequest(
            ticket: ticket, kind: kind, isRepeatable: isRepeatable,
            deadline: deadline ?? start + .hours(1), frame: frame, complete: { _ in })
    }

    private func header(_ frame: ByteBuffer) throws -> FrameHeader {
        try #require(
            try frame.withUnsafeReadableBytes { try FrameHeader.parse($0, lengthMax: 1 << 20) })
    }

    /// A reply as the handler hands it over.
    private func reply(
        _ write: (inout ByteBuffer) -> Void
    ) throws -> (header: FrameHeader, body: ByteBuffer) {
        var buffer = ByteBuffer()
        write(&buffer)
        let header = try header(buffer)
        buffer.moveReaderIndex(forwardBy: FrameFormat.headerByteCount)
        return (header, buffer)
    }

    private func greet(
        _ machine: inout ClientStateMachine, limits: AnnouncedLimits = AnnouncedLimits()
    ) throws {
        let hello = machine.connected(now: start)
        #expect(hello != nil)
        let (header, body) = try reply {
            HelloReply(
                version: 1, storeUUID: (1, 2), connectionID: 1, brokerMilliseconds: 0,
                limits: limits, software: ""
            ).write(correlation: 0, into: &$0)
        }
        let actions = machine.received(header, body: body, now: start)
        #expect(!actions.closeChannel)
        let state = machine.state
        #expect(state == .ready)
    }

    @Test("nothing connects until something is asked for")
    func lazy() {
        var machine = machine()
        let before = machine.state
        #expect(before == .idle)
        let first = machine.submit(request(1)).connect
        let second = machine.submit(request(2)).connect
        #expect(first && !second)
        let written = machine.nextWrite()
        #expect(written == nil, "nothing is sent before the greeting")
    }

    @Test("no more requests are sent than the broker announced to take")
    func room() throws {
        var machine = machine()
        var limits = AnnouncedLimits()
        limits.requestsInFlightMax = 11
        for ticket in 1...5 { _ = machine.submit(request(UInt64(ticket))) }
        try greet(&machine, limits: limits)
        var correlations: [UInt32] = []
        while let frame = machine.nextWrite() { correlations.append(try header(frame).correlation) }
        #expect(correlations == [1, 2, 3], "eight are left for control frames")
        let (answer, body) = try reply {
            EmptyFrame.writeAnswer(to: .ping, correlation: 2, into: &$0)
        }
        let ticket = machine.received(answer, body: body, now: start).complete?.0.ticket
        #expect(ticket == 2)
        let next = machine.nextWrite()
        #expect(try next.map { try header($0).correlation } == 4)
        let last = machine.nextWrite()
        #expect(last == nil)
    }

    @Test("nothing is written to a channel that is full")
    func writability() throws {
        var machine = machine()
        _ = machine.submit(request(1))
        try greet(&machine)
        machine.writabilityChanged(false)
        let held = machine.nextWrite()
        #expect(held == nil)
        machine.writabilityChanged(true)
        let written = machine.nextWrite()
        #expect(written != nil)
    }

    @Test("after a loss the repeatable come again first, in their order, as they were")
    func repeats() throws {
        var machine = machine()
        _ = machine.submit(request(1, .enqueue))
        _ = machine.submit(request(2, .release, isRepeatable: false))
        _ = machine.submit(request(3, .enqueue))
        try greet(&machine)
        var sent: [ByteBuffer] = []
        while let frame = machine.nextWrite() { sent.append(frame) }
        _ = machine.submit(request(4, .enqueue))
        let lost = machine.disconnected(nil)
        #expect(lost.fail.map(\.0.ticket) == [2])
        #expect(lost.fail.map(\.1.code) == [.connectionLost])
        #expect(lost.reconnectAfterFailureCount == 1)
        let again = machine.backoffEnded().connect
        #expect(again)
        try greet(&machine)
        var repeated: [ByteBuffer] = []
        while let frame = machine.nextWrite() { repeated.append(frame) }
        #expect(repeated.count == 3)
        #expect(repeated[0] == sent[0] && repeated[1] == sent[2])
        let sequences = repeated.map {
            $0.getInteger(at: $0.readerIndex + 12, endianness: .little, as: UInt64.self)
        }
        #expect(sequences == [1, 2, 3])
    }

    @Test("failures in a row are counted until a greeting")
    func failures() throws {
        var machine = machine()
        _ = machine.submit(request(1))
        for count in 1...3 {
            let actions = machine.disconnected(BrokerClientError(.unreachable, "no"))
            #expect(actions.reconnectAfterFailureCount == count && actions.fail.isEmpty)
            _ = machine.backoffEnded()
        }
        try greet(&machine)
        let count = machine.disconnected(nil).reconnectAfterFailureCount
        #expect(count == 1)
    }

    @Test("without requests nothing connects again")
    func idle() throws {
        var machine = machine()
        _ = machine.submit(request(1, .release, isRepeatable: false))
        try greet(&machine)
        _ = machine.nextWrite()
        let actions = machine.disconnected(nil)
        #expect(actions.reconnectAfterFailureCount == nil && actions.fail.count == 1)
        let state = machine.state
        #expect(state == .idle)
    }

    @Test("a client that fails fast fails what waits")
    func failsFast() {
        var machine = machine(failsFast: true)
        _ = machine.submit(request(1))
        let actions = machine.disconnected(BrokerClientError(.unreachable, "nobody there"))
        #expect(actions.fail.map(\.1.message) == ["nobody there"])
        #expect(actions.reconnectAfterFailureCount == nil)
    }

    @Test("requests fail when their time is over, sent or not")
    func deadlines() throws {
        var machine = machine()
        _ = machine.submit(request(1, deadline: start + .seconds(5)))
        _ = machine.submit(request(2))
        _ = machine.submit(request(3, deadline: start + .seconds(6)))
        let unsent = machine.tick(now: start + .seconds(5)).fail
        #expect(unsent.map(\.0.ticket) == [1] && unsent.map(\.1.code) == [.unreachable])
        try greet(&machine)
        while machine.nextWrite() != nil {}
        let sent = machine.tick(now: start + .seconds(6)).fail
        #expect(sent.map(\.0.ticket) == [3] && sent.map(\.1.code) == [.timedOut])
        // Its answer may still come, and is nobody's any more.
        let (late, body) = try reply {
            EmptyFrame.writeAnswer(to: .ping, correlation: 2, into: &$0)
        }
        let actions = machine.received(late, body: body, now: start)
        #expect(actions.complete == nil && !actions.closeChannel)
    }

    @Test("a silent broker is asked, and given up after as long again")
    func silence() throws {
        var machine = machine()
        _ = machine.submit(request(1))
        try greet(&machine)
        while machine.nextWrite() != nil {}
        let early = machine.tick(now: start + .seconds(9))
        #expect(early.control == nil)
        let asked = machine.tick(now: start + .seconds(10))
        #expect(try asked.control.map { try header($0).kindByte } == RequestKind.ping.rawValue)
        let once = machine.tick(now: start + .seconds(11))
        #expect(once.control == nil && !once.closeChannel)
        let given = machine.tick(now: start + .seconds(20))
        #expect(given.closeChannel)
    }

    @Test("nothing is believed that comes behind what cannot be read")
    func garbage() throws {
        var machine = machine()
        _ = machine.submit(request(1))
        try greet(&machine)
        while machine.nextWrite() != nil {}
        let (unasked, body) = try reply {
            EmptyFrame.writeAnswer(to: .ping, correlation: 7, into: &$0)
        }
        let closes = machine.received(unasked, body: body, now: start).closeChannel
        #expect(closes)
        let (answer, answerBody) = try reply {
            EmptyFrame.writeAnswer(to: .ping, correlation: 1, into: &$0)
        }
        let behind = machine.received(answer, body: answerBody, now: start)
        #expect(behind.complete == nil)
        let lost = machine.disconnected(nil)
        #expect(lost.reconnectAfterFailureCount == 1 && lost.fail.isEmpty)
    }

    @Test("a wait whose caller has gone is ended, and what it brings is given back")
    func abandonedLease() throws {
        var machine = machine()
        _ = machine.submit(request(1, .lease, isRepeatable: false))
        try greet(&machine)
        while machine.nextWrite() != nil {}
        let (cancelled, actions) = machine.cancel(ticket: 1)
        #expect(cancelled?.ticket == 1)
        let control = try #require(actions.control)
        #expect(try header(control).kindByte == RequestKind.cancelWait.rawValue)
        let (answer, body) = try reply { buffer in
            LeaseReplyWriter(correlation: 1, into: &buffer).finish(in: &buffer)
        }
        let late = machine.received(answer, body: body, now: start)
        #expect(late.orphans?.0 == .lease)
        let (twice, _) = machine.cancel(ticket: 1)
        #expect(twice == nil)
    }

    @Test("a request that was not sent yet is simply withdrawn")
    func cancelledBefore() throws {
        var machine = machine()
        _ = machine.submit(request(1, .lease))
        let (cancelled, actions) = machine.cancel(ticket: 1)
        #expect(cancelled?.ticket == 1 && actions.control == nil)
        try greet(&machine)
        let written = machine.nextWrite()
        #expect(written == nil)
    }

    @Test("after goodbye what was sent is answered, and nothing more is taken")
    func close() throws {
        var machine = machine()
        _ = machine.submit(request(1))
        try greet(&machine)
        while machine.nextWrite() != nil {}
        let actions = machine.close()
        #expect(try actions.control.map { try header($0).kindByte } == RequestKind.goodbye.rawValue)
        let refused = machine.submit(request(2)).fail
        #expect(refused.map(\.1.code) == [.closed])
        let (answer, body) = try reply {
            EmptyFrame.writeAnswer(to: .ping, correlation: 1, into: &$0)
        }
        let ticket = machine.received(answer, body: body, now: start).complete?.0.ticket
        #expect(ticket == 1)
        let end = machine.disconnected(nil)
        #expect(end.reconnectAfterFailureCount == nil)
        let state = machine.state
        #expect(state == .closed)
    }
}
