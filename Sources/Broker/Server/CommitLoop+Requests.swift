internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastProtocol
internal import HoldfastRecords

// From a frame to the verb that it asks for. All of a request is checked while it is decoded, so
// that what is refused has had no effect.
extension CommitLoop {
    /// Executes one request and holds its reply.
    func take(
        _ header: HoldfastProtocol.FrameHeader, body: UnsafeRawBufferPointer,
        from connection: ConnectionHandler
    ) {
        counters.requests += 1
        let kind: RequestKind
        do throws(WireFault) {
            kind = try header.requestKind()
        } catch {
            connection.state.receivedUnreadable()
            refuse(
                Refusal(code: error.code, message: error.message), header.correlation,
                of: connection, closing: error.closesConnection || !connection.state.isGreeted)
            return
        }
        switch connection.state.received(
            isGreeting: kind == .hello, inFlightMax: limits.requestsInFlightMax)
        {
        case .refuse(let code, let message, let closing):
            refuse(
                Refusal(code: code, message: message), header.correlation, of: connection,
                closing: closing)
        case .execute where connection.replies.byteCount > configuration.heldByteCountMax:
            refuse(
                Refusal(
                    code: .tooManyRequests,
                    message:
                        "more than \(configuration.heldByteCountMax) bytes of replies are held "
                        + "for this connection: wait for them", retryAfterMilliseconds: 10),
                header.correlation, of: connection)
        case .execute where isDraining:
            refuse(.shuttingDown, header.correlation, of: connection)
        case .execute:
            do throws(WireFault) {
                try execute(
                    Request(
                        kind: kind, correlation: header.correlation, body: body,
                        connection: connection))
            } catch {
                refuse(error, header.correlation, of: connection)
            }
        }
    }

    /// A frame on its way to the verb it asks for. `body` is valid during the call only.
    struct Request {
        let kind: RequestKind
        let correlation: UInt32
        let body: UnsafeRawBufferPointer
        let connection: ConnectionHandler
    }

    private func execute(_ request: Request) throws(WireFault) {
        switch request.kind {
        case .hello: try greet(request)
        case .ping:
            try EmptyFrame.check(request.body)
            answerEmpty(request)
        case .goodbye:
            try EmptyFrame.check(request.body)
            close(request.connection)
            answerEmpty(request)
        case .enqueue: try enqueue(request)
        case .lease: try lease(request)
        case .ackLease: try ackLease(request)
        case .cancelWait:
            let correlation = try CancelWaitRequest(body: request.body).waiting
            if let wait = waits.remove(of: request.connection, correlation: correlation) {
                answerEmpty(wait)
            }
            answerEmpty(request)
        case .ack, .release, .nack, .reject, .extend, .heartbeat: try settle(request)
        case .jobShow: try showJob(request)
        case .jobList: try listJobs(request)
        case .jobCancel: try cancelJobs(request)
        case .redrive: try redrive(request)
        case .queueCreate: try createQueue(request)
        case .queueSet: try setQueue(request)
        case .queueDelete: try deleteQueue(request)
        case .queueList: try listQueues(request)
        case .queueShow: try showQueue(request)
        case .status:
            try EmptyFrame.check(request.body)
            showStatus(request)
        }
    }

    // MARK: Answers

    /// Encodes a reply among those that wait for what gathers.
    func answer(
        _ connection: ConnectionHandler, _ encode: (inout HeldReplies) -> Void
    ) {
        encode(&connection.replies)
        connection.replies.gatheringCount += 1
        hold(connection)
    }

    func answerEmpty(_ request: Request) {
        answer(request.connection) {
            EmptyFrame.writeAnswer(
                to: request.kind, correlation: request.correlation, into: &$0.gathering)
        }
    }

    // MARK: Refusals

    func refuse(_ refusal: Refusal, _ request: Request) {
        refuse(refusal, request.correlation, of: request.connection)
    }

    func refuse(_ fault: WireFault, _ correlation: UInt32, of connection: ConnectionHandler) {
        refuse(
            Refusal(code: fault.code, message: fault.message), correlation, of: connection,
            closing: fault.closesConnection)
    }

    func refuse(
        _ refusal: Refusal, _ correlation: UInt32, of connection: ConnectionHandler,
        closing: Bool = false
    ) {
        counters.refusals += 1
        answer(connection) {
            RefusalReply(
                code: refusal.code, retryAfterMilliseconds: refusal.retryAfterMilliseconds,
                message: refusal.message
            ).write(correlation: correlation, into: &$0.gathering)
        }
        if closing { close(connection) }
    }

    /// Takes nothing more from the connection; it ends when everything owed has been sent.
    private func close(_ connection: ConnectionHandler) {
        connection.state.close()
        for wait in waits.removeAll(of: connection) { answerEmpty(wait) }
    }

    /// A frame that cannot be told from its neighbours: nobody knows where the next one starts.
    func refuseFrame(_ fault: WireFault, of connection: ConnectionHandler) {
        connection.state.receivedUnreadable()
        refuse(fault, 0, of: connection)
    }

    // MARK: The greeting

    private func greet(_ request: Request) throws(WireFault) {
        let hello: HelloRequest
        do throws(WireFault) {
            hello = try HelloRequest(body: request.body)
        } catch {
            request.connection.state.greetingFailed()
            throw error
        }
        request.connection.producerID = hello.producer
        let reply = HelloReply(
            version: ProtocolVersion.agreed(
                clientOldest: hello.clientOldestVersion, clientNewest: hello.clientNewestVersion)
                ?? ProtocolVersion.newest,
            storeUUID: storeUUID,
            connectionID: UInt64(request.connection.number),
            brokerMilliseconds: clock.brokerMilliseconds(atBoot: bootMilliseconds),
            limits: limits, software: "holdfast " + BrokerServer.softwareVersion)
        answer(request.connection) {
            reply.write(correlation: request.correlation, into: &$0.gathering)
        }
    }

    // MARK: Queues by name

    /// The queue of that name; nil where there is none.
    func queue(named name: UnsafeRawBufferPointer, for connection: ConnectionHandler) -> QueueID? {
        if let id = connection.queueNamed.id(of: name, generation: engine.queueGeneration) {
            return id
        }
        guard let id = engine.queue(named: name) else { return nil }
        connection.queueNamed.keep(name, id, generation: engine.queueGeneration)
        return id
    }

    static func unknownQueue(_ name: UnsafeRawBufferPointer) -> Refusal {
        Refusal(
            code: .unknownQueue,
            message: "there is no queue \"\(String(decoding: name, as: UTF8.self))\": "
                + "enqueue into it or create it first")
    }
}

extension Refusal {
    static let shuttingDown = Refusal(
        code: .shuttingDown, message: "the broker is stopping: connect again and repeat",
        retryAfterMilliseconds: 1_000)
}

extension ItemAnswer {
    init(_ result: ItemResult) {
        self.init(
            refusal: result.code, isLate: result.isLate, isDuplicate: result.isDuplicate,
            mustStop: result.mustStop, remainingMilliseconds: result.remainingMilliseconds)
    }
}
