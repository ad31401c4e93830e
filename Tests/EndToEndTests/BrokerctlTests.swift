internal import Foundation
internal import HoldfastHarness
internal import Testing

@Suite struct BrokerctlTests {
    // MARK: Exit codes

    @Test(
        "what cannot be meant ends with 2 and one line, without asking any broker",
        arguments: [
            [], ["frobnicate"], ["job"], ["queue", "frobnicate"], ["enqueue"], ["enqueue", "q"],
            ["enqueue", "q", "--payload", "a", "--payload-file", "b"],
            ["enqueue", "q", "stray"], ["enqueue", "q", "--payload", "a", "--priority", "16"],
            ["enqueue", "q", "--payload", "a", "--delay", "5"],
            ["enqueue", "q", "--payload", "a", "--delay", "367d"],
            ["enqueue", "q", "--payload", "a", "--header", "novalue"],
            ["enqueue", "q", "--payload", "a", "--attempts", "0"],
            ["enqueue", "q", "--payload", "a", "--kind", "a\nb"],
            ["enqueue", "q", "--payload-file", "/nonexistent/file"],
            ["enqueue", "q", "--file", "/nonexistent/file"],
            ["lease"], ["lease", "q", "--count", "0"], ["lease", "q", "--wait", "soon"],
            ["lease", "q", "-o", "xml"], ["ack"], ["ack", "nonsense"],
            ["ack", "0000000000000001"], ["job", "show", "nonsense"], ["job", "list"],
            ["job", "list", "q", "--state", "done"], ["queue", "set", "q"],
            ["queue", "create", "q", "--visibility-timeout", "1ms"],
            ["queue", "create", "q", "--backoff", "2h", "--backoff-max", "1h"],
            ["dead", "redrive"], ["dead", "redrive", "q", "--id", "0000000000000001"],
            ["dead", "redrive", "q", "--limit", "0"],
            ["status", "--broker", "host:port"], ["segment", "list"],
            ["segment", "dump", "--data-dir", ".", "--lsn", "9..3"],
        ] as [[String]])
    func usage(arguments: [String]) async throws {
        // No broker listens there, so that asking one would end with 3.
        let run = try await BrokerctlRun.run(arguments, at: "127.0.0.1:1")
        #expect(run.code == 2, "\(run.description)")
        #expect(run.hasOneErrorLine, "\(run.description)")
        #expect(run.standardOutput == "", "\(run.description)")
    }

    @Test("an unusable HOLDFAST_BROKER is named")
    func environment() async throws {
        let run = try await BrokerctlRun.run(["status"], at: "127.0.0.1:99999")
        #expect(run.code == 2)
        #expect(run.standardError.contains("HOLDFAST_BROKER"))
    }

    @Test("help and version are no errors")
    func help() async throws {
        for arguments in [["--help"], ["enqueue", "--help"], ["help", "queue"], ["--version"]] {
            let run = try await BrokerctlRun.run(arguments)
            #expect(run.code == 0)
            #expect(run.standardError == "")
            #expect(!run.standardOutput.isEmpty)
        }
    }

    @Test("where no broker answers, the end is 3 and the line says what to do")
    func unreachable() async throws {
        let broker = try await BrokerProcess.start()
        await broker.kill()
        for arguments in [
            ["status"], ["lease", "q", "--wait", "5m"], ["enqueue", "q", "--payload", "a"],
            ["enqueue", "q", "--file", "/dev/null"],
        ] {
            let run = try await BrokerctlRun.run(arguments, at: broker.address)
            #expect(run.code == 3, "\(run.description)")
            #expect(run.hasOneErrorLine, "\(run.description)")
            #expect(run.standardError.contains(broker.address))
            #expect(run.standardError.contains("HOLDFAST_BROKER"))
            #expect(run.standardOutput == "")
        }
    }

    @Test("what the broker refuses ends with 1 and the name of the refusal")
    func refused() async throws {
        let broker = try await BrokerProcess.start()
        let other = try await BrokerProcess.start()
        _ = try await other.ctlDone("enqueue", "q", "--payload", "theirs")
        let foreign = try #require(
            try await other.ctlDone("lease", "q", "-o", "json").objects.first)
        let foreignToken = try #require(foreign["token"] as? String)
        let foreignJob = try #require(foreign["job"] as? String)
        _ = try await broker.ctlDone("enqueue", "q", "--payload", "ours")
        // Nothing in it repeats, so that it does not become shorter by compression.
        let large = broker.directory.path(of: "large")
        var random = SystemRandomNumberGenerator()
        try Data((0..<600_000).map { _ in UInt8.random(in: 0...255, using: &random) })
            .write(to: URL(fileURLWithPath: large))

        let cases: [([String], String)] = [
            (["ack", foreignToken], "unknown_lease"),
            (["nack", foreignToken], "unknown_lease"),
            (["extend", foreignToken], "unknown_lease"),
            (["job", "show", foreignJob], "unknown_job"),
            (["job", "cancel", foreignJob], "unknown_job"),
            (["job", "list", "nosuch"], "unknown_queue"),
            (["queue", "show", "nosuch"], "unknown_queue"),
            (["queue", "delete", "q"], "queue_not_empty"),
            (["queue", "create", "q", "--attempts", "3"], "queue_exists"),
            (["lease", "q", "--wait", "1d"], "bad_argument"),
            (["enqueue", "q", "--payload-file", large], "payload_too_large"),
        ]
        for (arguments, code) in cases {
            let run = try await BrokerctlRun.run(arguments, at: broker.address)
            #expect(run.code == 1, "\(arguments): \(run.description)")
            #expect(run.hasOneErrorLine, "\(arguments): \(run.description)")
            #expect(run.standardError.contains("(\(code))"), "\(run.description)")
        }
        // Nothing of it had an effect.
        let queues = try await broker.ctlDone("queue", "list", "-o", "json").objects
        #expect(queues.count == 1)
        #expect(queues.first?["ready"] as? Int == 1)
        #expect(queues.first?["attempts_max"] as? Int == 16)
    }

    // MARK: Output for programs

    @Test("the keys of -o json that are promised")
    func keys() async throws {
        let broker = try await BrokerProcess.start()
        let bytes = broker.directory.path(of: "bytes")
        try Data([0xFF, 0x00, 0x0A]).write(to: URL(fileURLWithPath: bytes))
        let empty = try await broker.ctlDone("queue", "create", "q")
        #expect(empty.standardOutput == "q created\n")
        let nothing = try await broker.ctlDone("lease", "q")
        #expect(nothing.standardOutput == "")
        #expect(try await broker.ctlDone("lease", "q", "-o", "json").standardOutput == "")

        let text = "tab\tquote\"line\nend"
        _ = try await broker.ctlDone("enqueue", "q", "--payload", text, "--header", "a=b=c")
        _ = try await broker.ctlDone("enqueue", "q", "-", input: bytes)
        _ = try await broker.ctlDone("enqueue", "q", "--payload", "later", "--delay", "1h")
        let leased = try await broker.ctlDone("lease", "q", "--count", "5", "-o", "json").objects
        #expect(leased.count == 2)
        #expect(leased[0]["payload"] as? String == text)
        #expect(leased[0]["attempt"] as? Int == 1)
        #expect(leased[0]["headers"] as? [String: String] == ["a": "b=c"])
        #expect((leased[0]["job"] as? String)?.count == 16)
        #expect((leased[0]["token"] as? String)?.count == 26)
        #expect(leased[1]["payload"] == nil)
        #expect(leased[1]["payload_base64"] as? String == "/wAK")

        let queue = try #require(
            try await broker.ctlDone("queue", "list", "-o", "json").objects.first)
        #expect(queue["queue"] as? String == "q")
        #expect(queue["ready"] as? Int == 0)
        #expect(queue["delayed"] as? Int == 1)
        #expect(queue["leased"] as? Int == 2)
        #expect(queue["dead"] as? Int == 0)

        let token = try #require(leased[0]["token"] as? String)
        let ack = try #require(try await broker.ctlDone("ack", token, "-o", "json").objects.first)
        #expect(ack["result"] as? String == "ok")
    }

    // MARK: Files of jobs

    @Test("a file is enqueued in its order, whatever its length")
    func file() async throws {
        let broker = try await BrokerProcess.start()
        let count = 5_000
        let lines = (0..<count).map { #"{"payload":{"number":\#($0)},"kind":"k\#($0 % 3)"}"# }
        let file = try broker.directory.write(lines.joined(separator: "\n"), to: "jobs.jsonl")
        let ids = try await broker.ctlDone("enqueue", "q", "--file", file).outputLines
        #expect(ids.count == count)
        #expect(Set(ids).count == count)
        #expect(ids == ids.sorted(), "ids of one store sort as the jobs were born")
        let leased = try await broker.ctlDone(
            "lease", "q", "--count", "\(count)", "-o", "json"
        ).objects
        #expect(leased.compactMap { $0["job"] as? String } == ids)
        #expect(
            leased.compactMap { $0["payload"] as? String }
                == (0..<count).map { #"{"number":\#($0)}"# })
        #expect(leased.compactMap { $0["kind"] as? String } == (0..<count).map { "k\($0 % 3)" })
    }

    @Test("a bad line is named, and nothing from it on is enqueued")
    func badLine() async throws {
        let broker = try await BrokerProcess.start()
        let lines = (1...1_000).map {
            $0 == 701 ? #"{"payload":"x","priority":99}"# : #"{"payload":1}"#
        }
        let file = try broker.directory.write(lines.joined(separator: "\n") + "\n", to: "jobs")
        let run = try await broker.ctl("enqueue", "q", "--file", file)
        #expect(run.code == 2, "\(run.description)")
        #expect(run.hasOneErrorLine, "\(run.description)")
        #expect(run.standardError.contains("line 701:"))
        #expect(run.standardError.contains("before it: 700 jobs"))
        #expect(run.outputLines.count == 700)
        let queue = try await broker.ctlDone("queue", "show", "q", "-o", "json").objects.first
        #expect(queue?["ready"] as? Int == 700)
    }

    @Test("a line that the broker refuses is named, and only that request has no effect")
    func refusedLine() async throws {
        let broker = try await BrokerProcess.start()
        var random = SystemRandomNumberGenerator()
        let large = Data((0..<600_000).map { _ in UInt8.random(in: 0...255, using: &random) })
            .base64EncodedString()
        let lines = [
            #"{"payload":"a"}"#, #"{"payload":"b"}"#, #"{"payload_base64":"\#(large)"}"#,
            #"{"payload":"d"}"#,
        ]
        let file = try broker.directory.write(lines.joined(separator: "\n"), to: "jobs.jsonl")
        let run = try await broker.ctl("enqueue", "q", "--file", file)
        #expect(run.code == 1, "\(run.description)")
        #expect(run.hasOneErrorLine, "\(run.description)")
        #expect(run.standardError.contains("line 3:"), "\(run.description)")
        #expect(run.standardError.contains("payload_too_large"), "\(run.description)")
        let queue = try await broker.ctlDone("queue", "show", "q", "-o", "json").objects.first
        #expect(queue?["ready"] as? Int == run.outputLines.count)
    }

    // MARK: Lists

    @Test("a long list is complete, page after page")
    func pages() async throws {
        let broker = try await BrokerProcess.start()
        let file = try broker.directory.write(
            String(repeating: "{\"payload\":1}\n", count: 2_500), to: "jobs.jsonl")
        let ids = try await broker.ctlDone("enqueue", "q", "--file", file).outputLines
        let listed = try await broker.ctlDone("job", "list", "q", "--state", "ready", "-o", "json")
        #expect(try listed.objects.compactMap { $0["job"] as? String } == ids)
        // With its titles.
        #expect(try await broker.ctlDone("job", "list", "q").outputLines.count == ids.count + 1)
    }

    @Test("dead jobs come back, those named or all of a queue")
    func redrive() async throws {
        let broker = try await BrokerProcess.start()
        for payload in ["a", "b", "c"] {
            _ = try await broker.ctlDone("enqueue", "q", "--payload", payload)
        }
        let tokens = try await broker.ctlDone("lease", "q", "--count", "3", "-o", "json").objects
            .compactMap { $0["token"] as? String }
        _ = try await BrokerctlRun.run(
            ["reject"] + tokens + ["--reason", "no"], at: broker.address)
        let dead = try await broker.ctlDone("dead", "list", "q", "-o", "json").objects
        #expect(dead.count == 3)
        let first = try #require(dead.first?["job"] as? String)
        _ = try await broker.ctlDone("dead", "redrive", "--id", first)
        let again = try await broker.ctl("dead", "redrive", "--id", first)
        #expect(again.code == 1)
        let rest = try await broker.ctlDone("dead", "redrive", "q", "-o", "json").objects.first
        #expect(rest?["redriven"] as? Int == 2)
        let queue = try await broker.ctlDone("queue", "show", "q", "-o", "json").objects.first
        #expect(queue?["ready"] as? Int == 3)
        #expect(queue?["dead"] as? Int == 0)
    }
}
