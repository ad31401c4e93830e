internal import HoldfastHistory
internal import HoldfastModel

// The course of a run: clients work while something happens to their broker, then everything is
// consumed, and what is left is looked at.
extension LoadRun {
    /// Creates the queues, has clients work until all queues are empty, and returns when they are done.
    ///
    /// - Parameter trouble: what happens meanwhile. It begins with a broker that serves and has to end
    ///   with one; `drain` is called after it, unless it did so itself. What it throws ends the run.
    package func work(
        producerCount: Int, consumerCount: Int,
        _ trouble: @escaping @Sendable (LoadRun) async throws -> Void
    ) async throws {
        try await onThread {
            let connection = try TestConnection(port: self.broker.port)
            for queue in Self.queues { try connection.createQueue(queue.name, queue.policy) }
        }
        try await withThrowingTaskGroup { group in
            for client in 1...UInt32(producerCount) {
                group.addTask {
                    try await onThread {
                        var producer = LoadProducer(run: self, client: client)
                        do { try producer.work() } catch {
                            self.fail("producer \(client): \(error)")
                        }
                    }
                }
            }
            for client in 101...UInt32(100 + consumerCount) {
                group.addTask {
                    try await onThread {
                        var consumer = LoadConsumer(run: self, client: client)
                        do { try consumer.work() } catch {
                            self.fail("consumer \(client): \(error)")
                        }
                    }
                }
            }
            serves()
            do { try await trouble(self) } catch { fail("\(error)") }
            drain()
            let watch = Task {
                let exit = await self.broker.exit()
                // Clients would wait for a restart that nobody makes.
                if !Task.isCancelled, self.phase == .drain {
                    self.fail("the broker ended during the drain: \(exit)")
                }
            }
            try await group.waitForAll()
            watch.cancel()
        }
    }

    /// Looks at everything that is left after a drain, and writes it down.
    ///
    /// - Returns: a sentence for each thing that a drain cannot have left.
    package func look() throws -> [String] {
        let connection = try TestConnection(port: broker.port)
        var complaints: [String] = []
        for (queue, policy) in Self.queues {
            let invoked = HistoryRecorder.now()
            let reports = try connection.jobs(in: queue)
            for report in reports {
                history.record(
                    HistoryEvent(
                        client: 0, invoked: invoked, responded: HistoryRecorder.now(), outcome: .ok,
                        operation: .look(job: report.id.lsn, state: report.state.name)))
                if report.state != .dead || report.attempts > policy.attemptCountMax {
                    complaints.append(
                        "job \(report.id.lsn) of \(queue) is \(report.state.name) after a drain, "
                            + "\(report.attempts) attempts")
                }
            }
            let counts = try connection.counts(of: queue)
            let expected = TestQueueCounts(
                ready: 0, delayed: 0, leased: 0, dead: UInt64(reports.count))
            if counts != expected {
                complaints.append("\(queue) counts \(counts) where \(expected) are listed")
            }
        }
        return complaints
    }
}
