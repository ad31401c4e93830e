internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastProtocol
internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL

extension CommitLoop {
    func createQueue(_ request: Request) throws(WireFault) {
        let create = try QueuePolicyRequest(body: request.body)
        // What it takes up in snapshots nobody has paid for.
        if upkeep.storageState == .full, queue(named: create.queue, for: request.connection) == nil
        {
            refuseForSpace(request)
            return
        }
        let batch = openBatch()
        do throws(Refusal) {
            let isDuplicate = try engine.createQueue(
                named: create.queue, policy: create.policy, into: batch
            ).isDuplicate
            answer(request.connection) {
                QueueCreateReply.write(
                    correlation: request.correlation, isDuplicate: isDuplicate,
                    into: &$0.gathering)
            }
        } catch {
            refuse(error, request)
        }
    }

    func setQueue(_ request: Request) throws(WireFault) {
        let set = try QueuePolicyRequest(body: request.body)
        guard let queue = queue(named: set.queue, for: request.connection) else {
            refuse(Self.unknownQueue(set.queue), request)
            return
        }
        let batch = openBatch()
        do throws(Refusal) {
            try engine.setPolicy(of: queue, set.policy, into: batch)
            answerEmpty(request)
        } catch {
            refuse(error, request)
        }
    }

    func deleteQueue(_ request: Request) throws(WireFault) {
        let name = try QueueNameRequest(body: request.body).queue
        guard let queue = queue(named: name, for: request.connection) else {
            refuse(Self.unknownQueue(name), request)
            return
        }
        let batch = openBatch()
        do throws(Refusal) {
            try engine.deleteQueue(queue, into: batch)
        } catch {
            refuse(error, request)
            return
        }
        // Nobody can be given anything of it any more.
        while let wait = waits.first(of: queue) {
            waits.removeFirst(of: queue)
            answerEmpty(wait)
        }
        answerEmpty(request)
    }

    func showQueue(_ request: Request) throws(WireFault) {
        let name = try QueueNameRequest(body: request.body).queue
        guard let queue = queue(named: name, for: request.connection) else {
            refuse(Self.unknownQueue(name), request)
            return
        }
        let reply = report(of: engine.queueSummary(queue))
        answer(request.connection) {
            reply.write(correlation: request.correlation, into: &$0.gathering)
        }
    }

    func listQueues(_ request: Request) throws(WireFault) {
        let list = try QueueListRequest(body: request.body, limits: limits)
        let limit = min(list.limit, limits.frameByteCountMax / QueueReport.byteCountMax)
        // One more than asked for, to know whether there is more.
        let found = engine.queues(after: list.after, limit: limit + 1)
        let reply = QueueListReply(
            hasMore: found.count > limit, queues: found.prefix(limit).map(report))
        answer(request.connection) {
            reply.write(correlation: request.correlation, into: &$0.gathering)
        }
    }

    private func report(of queue: QueueSummary) -> QueueReport {
        let now = clock.brokerMilliseconds(atBoot: bootMilliseconds)
        return QueueReport(
            name: queue.name, policy: queue.policy, readyCount: UInt64(queue.ready),
            delayedCount: UInt64(queue.delayed), leasedCount: UInt64(queue.leased),
            deadCount: UInt64(queue.dead), enqueuedTotal: queue.totals.enqueued,
            acknowledgedTotal: queue.totals.acked,
            oldestReadyMilliseconds: queue.oldestReadyMilliseconds.map {
                UInt64(max(now - $0, 0))
            })
    }

    // MARK: Status

    func showStatus(_ request: Request) {
        let status = log.status
        let recovery = log.recovery
        let scrubbing = upkeep.scrubReport
        let reserve = log.reserve
        let numbers: [(String, UInt64)] = [
            ("connections", UInt64(connectionCount)),
            ("waiting_leases", UInt64(waitCount)),
            ("uptime_ms", UInt64(max(bootMilliseconds - startedBootMilliseconds, 0))),
            ("requests", counters.requests),
            ("refusals", counters.refusals),
            ("commits", counters.commits),
            ("enqueues", counters.enqueues),
            ("leases", counters.leases),
            ("acks", counters.acks),
            ("expiries", counters.expiries),
            ("undelivered", counters.undelivered),
            ("corrupt_payloads", counters.corruptPayloads),
            ("durable_lsn", status.durableLSN),
            ("segments", UInt64(status.segmentCount)),
            ("log_bytes", UInt64(status.byteCount)),
            ("spare_segments", UInt64(status.spareCount)),
            ("reserve_segments", UInt64(reserve.fileCount)),
            ("reserve_segments_wanted", UInt64(reserve.fileCountTarget)),
            ("reserve_names", UInt64(reserve.nameCount)),
            ("reserve_names_wanted", UInt64(reserve.nameCountTarget)),
            ("reserve_pages", UInt64(upkeep.reservedPageCount)),
            ("volume_free_bytes", UInt64(upkeep.freeByteCount ?? 0)),
            ("storage_refusals", counters.storageRefusals),
            ("snapshot_lsn", upkeep.snapshotLSN),
            ("snapshots", counters.snapshots),
            ("snapshots_begun", counters.snapshotsBegun),
            ("snapshots_abandoned", counters.snapshotsAbandoned),
            ("log_written_bytes", UInt64(status.writtenByteCount)),
            ("page_written_bytes", UInt64(upkeep.writtenByteCount.pages)),
            ("snapshot_written_bytes", UInt64(upkeep.writtenByteCount.snapshots)),
            ("zero_filled_bytes", UInt64(status.zeroFilledByteCount)),
            ("scrubbed_bytes", UInt64(scrubbing.progress.byteCount)),
            ("scrub_rounds", UInt64(scrubbing.progress.roundCount)),
            ("scrub_segment", scrubbing.progress.segmentNumber ?? 0),
            ("scrub_damages", UInt64(scrubbing.damageCount)),
            ("pages_used", UInt64(engine.pages.usedPageCount)),
            ("pages_resident", UInt64(engine.pages.residentPageCount)),
            ("pages_dirty", UInt64(engine.pages.dirtyPageCount)),
            ("recovered_records", UInt64(recovery.recordCount)),
            ("recovery_cut_bytes", UInt64(recovery.cutByteCount)),
            ("recovery_in_doubt_records", UInt64(recovery.inDoubtRecordCount)),
            ("recovery_damaged_places", UInt64(recovery.damageCount)),
            ("recovery_missing_records", recovery.missingRecordCount),
            ("quarantine_files", UInt64(recovery.quarantine.fileCount)),
            ("quarantine_bytes", UInt64(recovery.quarantine.byteCount)),
        ]
        let texts: [(String, String)] = [
            ("version", BrokerServer.softwareVersion),
            ("data_directory", configuration.dataDirectory),
            ("storage", upkeep.storageState.name),
        ]
        let reply = StatusReply(
            entries: texts.map { .init($0.0, .text($0.1)) }
                + numbers.map { .init($0.0, .number($0.1)) })
        answer(request.connection) {
            reply.write(correlation: request.correlation, into: &$0.gathering)
        }
    }
}
