internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastProtocol
internal import HoldfastRecords
internal import HoldfastWAL

// Looking at jobs, and commands on jobs that nobody needs a lease for.
extension CommitLoop {
    func showJob(_ request: Request) throws(WireFault) {
        let id = try JobShowRequest(body: request.body).id
        let (connection, correlation) = (request.connection, request.correlation)
        withBirths(of: [id.lsn]) { births in
            self.showJob(id, birth: births[id.lsn], connection, correlation)
        }
    }

    private func showJob(
        _ id: JobID, birth: BirthFacts?, _ connection: ConnectionHandler, _ correlation: UInt32
    ) {
        let summary: JobSummary
        do throws(Refusal) {
            summary = try engine.job(id, birth: birth)
        } catch {
            refuse(error, correlation, of: connection)
            return
        }
        var reply = JobShowReply(
            report: report(of: summary), attemptCountMax: summary.attemptCountMax,
            leaseRemainingMilliseconds: leaseRemainingMilliseconds(of: summary),
            queue: summary.queue.map { engine.queueSummary($0).name } ?? "",
            lastError: String(decoding: summary.lastError, as: UTF8.self),
            checkpoint: engine.checkpoint(of: id.lsn) ?? [])
        if let body = bodyInMemory(of: id.lsn) {
            reply.complete(with: body)
            answer(connection) { reply.write(correlation: correlation, into: &$0.gathering) }
        } else {
            reads.read(on: eventLoop) { [reply] log in
                var reply = reply
                RecordBodies(of: [id.lsn], in: log).whole[id.lsn]?.withUnsafeBytes {
                    reply.complete(with: $0)
                }
                return reply
            } then: { reply in
                self.beginPass()
                self.answer(connection) {
                    reply.write(correlation: correlation, into: &$0.gathering)
                }
            }
        }
    }

    func listJobs(_ request: Request) throws(WireFault) {
        let list = try JobListRequest(body: request.body, limits: limits)
        guard let queue = queue(named: list.queue, for: request.connection) else {
            refuse(Self.unknownQueue(list.queue), request)
            return
        }
        let (connection, correlation, state) = (
            request.connection, request.correlation, list.state
        )
        let page = engine.jobCandidates(
            in: queue, state: state, after: list.after, limit: list.limit)
        let unknown = page.candidates.filter(\.needsBirth).map(\.lsn)
        withBirths(of: unknown) { births in
            // What it is by now: it may have gone on while its record was read.
            let jobs = page.candidates.compactMap { candidate in
                self.engine.summary(of: candidate.lsn, birth: births[candidate.lsn])
            }.filter { $0.queue == queue && (state == nil || $0.state == state) }
            let reply = JobListReply(next: page.next, jobs: jobs.map(self.report))
            self.answer(connection) {
                reply.write(correlation: correlation, into: &$0.gathering)
            }
        }
    }

    func cancelJobs(_ request: Request) throws(WireFault) {
        let ids = try JobCancelRequest(body: request.body, limits: limits).ids.copy()
        let (connection, correlation) = (request.connection, request.correlation)
        withBirths(of: ids.map(\.lsn)) { births in
            self.results.removeAll(keepingCapacity: true)
            self.engine.cancel(
                ids, births: { births[$0] }, into: self.openBatch(), results: &self.results)
            self.answer(connection) {
                ItemsReply.write(
                    to: .jobCancel, correlation: correlation,
                    answers: self.results.lazy.map(ItemAnswer.init), into: &$0.gathering)
            }
        }
    }

    func redrive(_ request: Request) throws(WireFault) {
        results.removeAll(keepingCapacity: true)
        let count: Int
        switch try RedriveRequest(body: request.body, limits: limits) {
        case .jobs(let ids):
            let batch = openBatch()
            engine.redrive(ids.copy(), into: batch, results: &results)
            count = results.count { $0.code == nil }
        case .queue(let name, let limit):
            guard let queue = queue(named: name, for: request.connection) else {
                refuse(Self.unknownQueue(name), request)
                return
            }
            let batch = openBatch()
            count = engine.redrive(from: queue, limit: limit, into: batch)
        }
        answer(request.connection) {
            RedriveReply.write(
                correlation: request.correlation, redrivenCount: count,
                answers: results.lazy.map(ItemAnswer.init), into: &$0.gathering)
        }
    }

    private func report(of job: JobSummary) -> JobReport {
        JobReport(
            id: key.jobID(job.lsn), state: job.state, priority: job.priority,
            version: job.version, attempts: job.attempts, interruptions: job.interruptions,
            timeouts: job.timeouts, releases: job.releases,
            enqueuedMilliseconds: job.enqueuedMilliseconds,
            stateMilliseconds: job.dueMilliseconds ?? job.diedMilliseconds ?? 0,
            reason: job.deathReason?.name ?? "")
    }

    private func leaseRemainingMilliseconds(of job: JobSummary) -> UInt32 {
        guard job.state == .leased else { return 0 }
        // Not delivered yet: its clock starts when it is.
        guard let deadline = job.leaseDeadlineMilliseconds else {
            return job.leaseDurationMilliseconds ?? 0
        }
        return UInt32(clamping: max(deadline - bootMilliseconds, 0))
    }
}

extension JobShowReply {
    /// Adds what lies in the job's birth record.
    fileprivate mutating func complete(with body: UnsafeRawBufferPointer) {
        guard let birth = try? BirthRecord(body) else { return }
        report.enqueuedMilliseconds = birth.enqueuedMilliseconds
        content = Array(birth.content)
    }
}
