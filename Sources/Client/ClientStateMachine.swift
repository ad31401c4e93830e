internal import HoldfastModel
package import HoldfastProtocol
package import NIOCore

/// What a client knows of its connection and of its requests, and what follows from what happens.
/// No socket, no clock, no task: `ClientCore` has those and carries out the actions.
///
/// Requests wait in `pending` in the order of their submission until the connection is ready, has
/// room by the broker's announcement and can be written to; then they are `inFlight` until they
/// are answered. When the connection breaks, those that may be repeated go back to the front of
/// `pending`, in their order and with their correlation and sequence, and the others fail.
package struct ClientStateMachine: ~Copyable {
    package enum State: Hashable, Sendable {
        /// Nothing to do; the next request connects.
        case idle
        case connecting
        /// HELLO was sent.
        case greeting
        case ready
        /// An attempt failed; the next one is scheduled.
        case backingOff
        /// GOODBYE was sent.
        case closing
        case closed
    }

    /// What is to be done now. Frames to be written are fetched with `nextWrite`.
    package struct Actions {
        package var connect = false
        /// Connect after the pause that follows so many failures.
        package var reconnectAfterFailureCount: Int?
        package var closeChannel = false
        /// A control frame, to be written before any request.
        package var control: ByteBuffer?
        package var complete: (ClientRequest, Result<ByteBuffer, BrokerClientError>)?
        package var fail: [(ClientRequest, BrokerClientError)] = []
        /// The answer to a lease request whose caller has gone: its jobs are to be released.
        package var orphans: (RequestKind, ByteBuffer)?
    }

    package private(set) var state = State.idle
    package private(set) var limits = AnnouncedLimits()
    private let clientName: String
    private let producer: ProducerID?
    private let failsFast: Bool
    private let keepAliveInterval: TimeAmount

    private var pending = CircularBuffer<ClientRequest>()
    private var inFlight: [UInt32: ClientRequest] = [:]
    /// Requests whose caller has gone and whose answer is still to come.
    private var abandoned: [UInt32: RequestKind] = [:]
    private var lastCorrelation: UInt32 = 0
    private var lastSequence: UInt64 = 0
    private var failureCount = 0
    private var lastError: BrokerClientError?
    private var isWritable = true
    private var lastReceived = NIODeadline.uptimeNanoseconds(0)
    private var isPingSent = false
    /// The channel is being closed for what it brought: nothing more of it is believed.
    private var isGivenUp = false

    /// The correlation of HELLO, PING, GOODBYE and CANCEL_WAIT, which no caller waits for.
    private static var controlCorrelation: UInt32 { 0 }
    /// Room that control frames keep among the requests in flight.
    private static var controlRequestCount: Int { 8 }

    package init(
        clientName: String, producer: ProducerID?, failsFast: Bool, keepAliveInterval: TimeAmount
    ) {
        self.clientName = clientName
        self.producer = producer
        self.failsFast = failsFast
        self.keepAliveInterval = keepAliveInterval
    }

    package var hasRequests: Bool { !pending.isEmpty || !inFlight.isEmpty }
    package var isConnected: Bool { state == .ready || state == .closing }

    // MARK: What callers do

    package mutating func submit(_ request: ClientRequest) -> Actions {
        var actions = Actions()
        if state == .closing || state == .closed {
            actions.fail.append((request, Self.closedError))
            return actions
        }
        var request = request
        if request.kind == .enqueue, producer != nil {
            lastSequence += 1
            request.setSequence(lastSequence)
        }
        pending.append(request)
        if state == .idle {
            state = .connecting
            actions.connect = true
        }
        return actions
    }

    /// The caller no longer waits. A request that is on its way may still be executed.
    ///
    /// - Returns: the request, whose caller is to be told; nil where it is done already.
    package mutating func cancel(ticket: UInt64) -> (ClientRequest?, Actions) {
        if let index = pending.firstIndex(where: { $0.ticket == ticket }) {
            return (pending.remove(at: index), Actions())
        }
        guard let request = inFlight.values.first(where: { $0.ticket == ticket }) else {
            return (nil, Actions())
        }
        return (request, abandon(request))
    }

    private mutating func abandon(_ request: ClientRequest) -> Actions {
        var actions = Actions()
        inFlight[request.correlation] = nil
        abandoned[request.correlation] = request.kind
        if request.kind == .lease || request.kind == .ackLease, state == .ready {
            var frame = ByteBuffer()
            CancelWaitRequest.write(
                correlation: Self.controlCorrelation, waiting: request.correlation, into: &frame)
            actions.control = frame
        }
        return actions
    }

    /// Says goodbye. What was sent may still be answered; what was not fails.
    package mutating func close() -> Actions {
        var actions = Actions()
        while let request = pending.popFirst() { actions.fail.append((request, Self.closedError)) }
        switch state {
        case .ready:
            state = .closing
            var frame = ByteBuffer()
            EmptyFrame.write(.goodbye, correlation: Self.controlCorrelation, into: &frame)
            actions.control = frame
        case .connecting, .greeting:
            state = .closed
            actions.closeChannel = true
        case .idle, .backingOff:
            state = .closed
        case .closing, .closed:
            break
        }
        return actions
    }

    // MARK: What the connection does

    /// - Returns: the greeting to be sent; nil where the connection is no longer wanted.
    package mutating func connected(now: NIODeadline) -> ByteBuffer? {
        guard state == .connecting else { return nil }
        state = .greeting
        isWritable = true
        isPingSent = false
        isGivenUp = false
        lastReceived = now
        var frame = ByteBuffer()
        HelloRequest.write(
            correlation: Self.controlCorrelation, producer: producer, clientName: clientName,
            into: &frame)
        return frame
    }

    package mutating func writabilityChanged(_ isWritable: Bool) {
        self.isWritable = isWritable
    }

    /// The connection could not be made, or has ended.
    package mutating func disconnected(_ error: BrokerClientError?) -> Actions {
        var actions = Actions()
        // A fault that was noticed first says more than the end that followed from it.
        let reason = lastError ?? error
        lastError = nil
        abandoned.removeAll()
        let wasClosing = state == .closing || state == .closed
        let sent = inFlight.values.sorted { $0.ticket < $1.ticket }
        inFlight.removeAll()
        for request in sent.reversed() {
            if request.isRepeatable && !wasClosing {
                pending.prepend(request)
            } else {
                actions.fail.append((request, Self.connectionLost(request, reason)))
            }
        }
        if wasClosing {
            state = .closed
            return actions
        }
        failureCount += 1
        if failsFast {
            while let request = pending.popFirst() {
                actions.fail.append((request, Self.unreachable(reason)))
            }
        }
        lastError = reason
        if pending.isEmpty {
            state = .idle
        } else {
            state = .backingOff
            actions.reconnectAfterFailureCount = failureCount
        }
        return actions
    }

    package mutating func backoffEnded() -> Actions {
        var actions = Actions()
        guard state == .backingOff else { return actions }
        state = .connecting
        actions.connect = true
        return actions
    }

    package mutating func received(
        _ header: FrameHeader, body: ByteBuffer, now: NIODeadline
    ) -> Actions {
        if isGivenUp { return Actions() }
        lastReceived = now
        isPingSent = false
        do throws(WireFault) {
            let kind = try header.replyKind()
            switch state {
            case .greeting: return try greeted(kind, body)
            case .ready, .closing: return try answered(kind, header.correlation, body)
            case .idle, .connecting, .backingOff, .closed: return Actions()
            }
        } catch {
            return violated(error)
        }
    }

    private mutating func greeted(
        _ kind: ReplyKind, _ body: ByteBuffer
    ) throws(WireFault) -> Actions {
        var actions = Actions()
        switch kind {
        case .answer(.hello):
            limits = try body.withReadable { (bytes) throws(WireFault) in
                try HelloReply(body: bytes).limits
            }
            state = .ready
            failureCount = 0
            lastError = nil
        case .refusal:
            let refusal = try Self.refusal(body)
            let error = BrokerClientError(refusal)
            actions = giveUp(error)
            // No later attempt would be greeted any better.
            if !refusal.code.isWorthRetrying {
                while let request = pending.popFirst() { actions.fail.append((request, error)) }
            }
        default:
            throw WireFault(.badRequest, "the broker does not answer the greeting")
        }
        return actions
    }

    private mutating func answered(
        _ kind: ReplyKind, _ correlation: UInt32, _ body: ByteBuffer
    ) throws(WireFault) -> Actions {
        var actions = Actions()
        if correlation == Self.controlCorrelation {
            if kind == .refusal {
                let refusal = try Self.refusal(body)
                // The broker closes the connection; this is what to tell those who wait.
                if WireFault(refusal.code, "").closesConnection {
                    lastError = BrokerClientError(refusal)
                }
            }
            return actions
        }
        if let request = inFlight[correlation] {
            switch kind {
            case .answer(let requestKind):
                guard requestKind == request.kind else {
                    throw WireFault(.badRequest, "the answer to another request")
                }
                inFlight[correlation] = nil
                actions.complete = (request, .success(body))
            case .refusal:
                let refusal = try Self.refusal(body)
                // The broker will close the connection: the request is repeated on the next one.
                if refusal.code == .shuttingDown && request.isRepeatable { return actions }
                inFlight[correlation] = nil
                actions.complete = (request, .failure(BrokerClientError(refusal)))
            }
            return actions
        }
        guard let requestKind = abandoned.removeValue(forKey: correlation) else {
            throw WireFault(.badRequest, "an answer to nothing that was asked")
        }
        if kind == .answer(requestKind), requestKind == .lease || requestKind == .ackLease {
            actions.orphans = (requestKind, body)
        }
        return actions
    }

    private static func refusal(_ body: ByteBuffer) throws(WireFault) -> RefusalReply {
        try body.withReadable { (bytes) throws(WireFault) in try RefusalReply(body: bytes) }
    }

    /// What the broker sent cannot be read: nothing behind it can be trusted.
    package mutating func violated(_ fault: WireFault) -> Actions {
        isConnected || state == .greeting ? giveUp(BrokerClientError(fault)) : Actions()
    }

    private mutating func giveUp(_ error: BrokerClientError) -> Actions {
        var actions = Actions()
        lastError = error
        isGivenUp = true
        actions.closeChannel = true
        return actions
    }

    // MARK: What time does

    /// Fails what has waited too long, and asks a silent broker whether it is there.
    package mutating func tick(now: NIODeadline) -> Actions {
        var actions = Actions()
        if pending.contains(where: { $0.deadline <= now }) {
            let waiting = pending
            pending.removeAll(keepingCapacity: true)
            for request in waiting {
                if request.deadline <= now {
                    let isSent = request.correlation != 0
                    actions.fail.append(
                        (request, isSent ? Self.timedOut(lastError) : Self.unreachable(lastError)))
                } else {
                    pending.append(request)
                }
            }
        }
        for request in inFlight.values where request.deadline <= now {
            // The answer to its CANCEL_WAIT would come too late for anybody: none is sent.
            _ = abandon(request)
            actions.fail.append((request, Self.timedOut(nil)))
        }
        guard state == .ready || state == .greeting || state == .closing else { return actions }
        let silence = now - lastReceived
        if silence >= keepAliveInterval + keepAliveInterval {
            let silent = giveUp(BrokerClientError(.connectionLost, "the broker has fallen silent"))
            actions.closeChannel = silent.closeChannel
        } else if silence >= keepAliveInterval, state == .ready, !isPingSent {
            isPingSent = true
            var frame = ByteBuffer()
            EmptyFrame.write(.ping, correlation: Self.controlCorrelation, into: &frame)
            actions.control = frame
        }
        return actions
    }

    // MARK: Writing

    /// The next request to be written; nil where there is none or no room for it.
    package mutating func nextWrite() -> ByteBuffer? {
        let room = max(
            1,
            min(limits.requestsInFlightMax, limits.producerResultCount) - Self.controlRequestCount)
        guard state == .ready, !isGivenUp, isWritable, inFlight.count + abandoned.count < room,
            var request = pending.popFirst()
        else { return nil }
        if request.correlation == 0 { request.setCorrelation(nextCorrelation()) }
        inFlight[request.correlation] = request
        return request.frame
    }

    private mutating func nextCorrelation() -> UInt32 {
        repeat {
            lastCorrelation &+= 1
        } while lastCorrelation == Self.controlCorrelation || inFlight[lastCorrelation] != nil
            || abandoned[lastCorrelation] != nil
        return lastCorrelation
    }

    // MARK: Errors

    private static let closedError = BrokerClientError(.closed, "the client has been closed")

    private static func connectionLost(
        _ request: ClientRequest, _ cause: BrokerClientError?
    ) -> BrokerClientError {
        if let cause, cause.code == .protocolViolation || cause.code == .refused { return cause }
        return BrokerClientError(
            .connectionLost,
            "the connection to the broker broke before it answered; the request may or may not "
                + "have been executed", cause: cause)
    }

    private static func unreachable(_ cause: BrokerClientError?) -> BrokerClientError {
        if let cause, cause.code != .connectionLost { return cause }
        return BrokerClientError(
            .unreachable, "the broker cannot be reached", cause: cause?.cause ?? cause)
    }

    private static func timedOut(_ cause: BrokerClientError?) -> BrokerClientError {
        BrokerClientError(
            .timedOut,
            "the broker did not answer in time; the request may or may not have been executed",
            cause: cause)
    }
}
