import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import Testing

/// Runs a table: on each line a command and, behind `|`, what the engine must answer. After each line
/// the invariants must hold, and at the end replay must lead to the same state, with all contents
/// blanked as well.
///
/// Jobs go by the names that `enqueue` gives them; `a` as a token is a's latest lease, `a:1` the one
/// with version 1. Times are milliseconds. `NAME=VALUE` are options.
func check(
    _ table: String, configure: (inout EngineConfiguration) -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let scenario = Scenario(configure)
    for (number, line) in table.split(separator: "\n").enumerated() {
        let parts = line.split(separator: "|", maxSplits: 1)
        let words = parts[0].split(separator: " ").map(String.init)
        guard !words.isEmpty else { continue }
        let answer = scenario.run(words)
        if parts.count > 1 {
            let expected = parts[1].split(separator: " ").joined(separator: " ")
            #expect(
                answer == expected, "line \(number + 1): \(line)", sourceLocation: sourceLocation)
        }
        let faults = scenario.rig.engine.invariantFaults()
        #expect(faults.isEmpty, "line \(number + 1): \(line)", sourceLocation: sourceLocation)
    }
    scenario.rig.commit()
    let live = scenario.rig.engine.canonicalDump()
    #expect(live == scenario.rig.dumpOfReplay(), sourceLocation: sourceLocation)
    #expect(
        live == scenario.rig.dumpOfReplay(blankingContent: true), sourceLocation: sourceLocation)
}

final class Scenario {
    let rig: EngineRig
    private var jobs: [String: LSN] = [:]
    private var names: [LSN: String] = [:]
    private var versions: [LSN: UInt32] = [:]
    private var connected: Set<UInt32> = [1]

    init(_ configure: (inout EngineConfiguration) -> Void) {
        rig = EngineRig(configure)
    }

    func run(_ words: [String]) -> String {
        var options: [String: String] = [:]
        var arguments: [String] = []
        for word in words.dropFirst() {
            if let split = word.firstIndex(of: "=") {
                options[String(word[..<split])] = String(word[word.index(after: split)...])
            } else {
                arguments.append(word)
            }
        }
        let answer: String
        do throws(Refusal) {
            answer = try run(words[0], arguments, options)
        } catch {
            answer = error.code.name
        }
        rig.commit()
        return answer
    }

    private func run(
        _ verb: String, _ arguments: [String], _ options: [String: String]
    ) throws(Refusal) -> String {
        func number<Value: FixedWidthInteger>(_ name: String, _ standard: Value) -> Value {
            options[name].map { Value($0)! } ?? standard
        }
        let tokens = arguments.map { token($0) }
        switch verb {
        case "enqueue":
            let settings = EnqueueOptions(
                priority: number("priority", 0), delayMilliseconds: number("delay", 0),
                attemptCountMax: number("attempts", 0))
            if let refusal = settings.refusal { throw refusal }
            for name in arguments {
                let lsn = rig.enqueue(rig.queue(options["queue"] ?? "q"), settings)
                jobs[name] = lsn
                names[lsn] = name
            }
            return "ok"
        case "lease":
            let deliveries = try rig.lease(
                rig.queue(options["queue"] ?? "q"), count: number("count", 1),
                duration: number("duration", 0), owner: number("owner", 1))
            for delivery in deliveries { versions[delivery.lsn] = delivery.version }
            return deliveries.map {
                let checkpoint =
                    rig.engine.checkpoint(of: $0.lsn).map {
                        "(" + String(decoding: $0, as: UTF8.self) + ")"
                    } ?? ""
                #expect($0.hasCheckpoint == !checkpoint.isEmpty)
                return "\(names[$0.lsn]!):\($0.version)#\($0.attempt)" + checkpoint
            }.joined(separator: " ")
        case "ack": return rig.ack(tokens).text
        case "nack":
            return rig.nack(
                tokens, delay: options["delay"].map { UInt64($0)! }, error: options["error"] ?? ""
            ).text
        case "release": return rig.release(tokens).text
        case "reject": return rig.reject(tokens, reason: options["reason"] ?? "").text
        case "extend":
            return rig.extend(tokens, duration: number("duration", 0), owner: number("owner", 1))
                .text
        case "heartbeat":
            return tokens.map {
                rig.heartbeat(
                    $0, checkpoint: options["checkpoint"].map { Array($0.utf8) },
                    duration: number("duration", 0), owner: number("owner", 1))
            }.text
        case "undelivered":
            for token in tokens {
                rig.engine.returnUndelivered(
                    lsn: token.lsn, version: token.version, into: rig.batch)
            }
            return "ok"
        case "cancel": return rig.cancel(arguments.map { rig.id(jobs[$0]!) }).text
        case "redrive": return rig.redrive(arguments.map { rig.id(jobs[$0]!) }).text
        case "redrive-queue":
            return
                "\(rig.engine.redrive(from: rig.queue("q"), limit: number("limit", 1), into: rig.batch))"
        case "create":
            let isDuplicate = try rig.createQueue(arguments[0], policy(options))
            return isDuplicate ? "duplicate" : "ok"
        case "set":
            try rig.engine.setPolicy(of: rig.queue(arguments[0]), policy(options), into: rig.batch)
            return "ok"
        case "delete":
            try rig.engine.deleteQueue(rig.queue(arguments[0]), into: rig.batch)
            return "ok"
        case "pass":
            rig.pass(Int64(arguments[0])!)
            return "ok"
        case "expire": return "\(rig.expire(connected: connected, limit: number("limit", 1_000)))"
        case "disconnect":
            connected.remove(UInt32(arguments[0])!)
            return "ok"
        case "restart":
            rig.restart()
            rig.freeze()
            rig.finishSnapshot()
            rig.restore()
            return "ok"
        case "show":
            return try arguments.map { name throws(Refusal) in try show(name) }.joined(
                separator: ", ")
        case "counts":
            let summary = rig.engine.queueSummary(rig.queue(arguments.first ?? "q"))
            return "\(summary.ready) \(summary.delayed) \(summary.leased) \(summary.dead)"
        case "list":
            let state = options["state"].map { name in
                JobState.allCases.first { $0.name == name }!
            }
            let found = rig.jobs(in: rig.queue("q"), state: state, after: 0, limit: 100)
            return found.jobs.map { names[$0.lsn]! }.joined(separator: " ")
        default:
            Issue.record("no such command: \(verb)")
            return ""
        }
    }

    private func token(_ word: String) -> LeaseToken {
        let parts = word.split(separator: ":")
        guard let lsn = jobs[String(parts[0])] else { return rig.token(0, 0) }
        return rig.token(lsn, parts.count > 1 ? UInt32(parts[1])! : versions[lsn] ?? 0)
    }

    private func policy(_ options: [String: String]) -> QueuePolicy {
        func number<Value: FixedWidthInteger>(_ name: String, _ standard: Value) -> Value {
            options[name].map { Value($0)! } ?? standard
        }
        let standard = QueuePolicy.standard
        return QueuePolicy(
            visibilityTimeoutMilliseconds: number(
                "visibility", standard.visibilityTimeoutMilliseconds),
            attemptCountMax: number("attempts", standard.attemptCountMax),
            interruptionCountMax: number("interruptions", standard.interruptionCountMax),
            backoffMilliseconds: number("backoff", standard.backoffMilliseconds),
            backoffMillisecondsMax: number("backoffmax", standard.backoffMillisecondsMax))
    }

    /// `state vVERSION attempts/interruptions/timeouts/releases`, then what else there is to say.
    private func show(_ name: String) throws(Refusal) -> String {
        let job = try rig.job(rig.id(jobs[name]!))
        guard job.state != .done else { return "done" }
        var text =
            "\(job.state) v\(job.version) \(job.attempts)/\(job.interruptions)/\(job.timeouts)/"
            + "\(job.releases)"
        if let due = job.dueMilliseconds { text += " +\(due - rig.time)" }
        if let reason = job.deathReason { text += " \(reason.name)" }
        if !job.lastError.isEmpty { text += " " + String(decoding: job.lastError, as: UTF8.self) }
        return text
    }
}

extension [ItemResult] {
    /// `ok`, or the refusal, with what there is to add, for each.
    var text: String {
        map { result in
            var text = result.code?.name ?? "ok"
            if result.isLate { text += "+late" }
            if result.isDuplicate { text += "+duplicate" }
            if result.mustStop { text += "+stop" }
            if result.remainingMilliseconds > 0 { text += "+\(result.remainingMilliseconds)" }
            return text
        }.joined(separator: " ")
    }
}
