internal import Foundation
internal import HoldfastHarness
internal import Testing

@Suite struct BrokerctlSegmentTests {
    private static let verbs = ["list", "dump", "verify", "stats", "rebuild", "repair"]

    private func verify(_ directory: String) async throws -> BrokerctlRun {
        try await BrokerctlRun.run(["segment", "verify", "--data-dir", directory])
    }

    /// A stopped broker's directory with some work in its log.
    private func stopped() async throws -> BrokerProcess {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        for number in 1...5 {
            _ = try await broker.ctlDone("enqueue", "q", "--payload", "payload \(number)")
        }
        let tokens = try await broker.ctlDone("lease", "q", "--count", "2", "-o", "json").objects
            .compactMap { $0["token"] as? String }
        _ = try await BrokerctlRun.run(["ack"] + tokens, at: broker.address)
        #expect(await broker.terminate() == .code(0), "\(broker.log)")
        return broker
    }

    /// The store's last segment, relative to its directory. An idle broker may have given back those
    /// before it.
    private func lastSegment(of broker: BrokerProcess) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: "\(broker.dataDirectory)/log")
        return "log/" + (try #require(names.filter { $0.hasSuffix(".seg") }.max()))
    }

    private func flip(_ path: String, at offset: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(offset))
        guard let byte = try file.read(upToCount: 1)?.first else {
            throw TestFault("\(path) has no byte \(offset)")
        }
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data([byte ^ 0x40]))
    }

    @Test("one changed byte anywhere makes it 4 and is named; changed back, the log is whole")
    func damage() async throws {
        let broker = try await stopped()
        let whole = try await verify(broker.dataDirectory)
        #expect(whole.code == 0, "\(whole.description)")
        #expect(whole.standardOutput.contains("whole"))
        let log = "\(broker.dataDirectory)/log"
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: log).filter {
                $0.hasSuffix(".seg")
            }.min())
        let path = "\(log)/\(name)"
        let byteCount = try #require(
            try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        // Header, its padding, START, a frame's header, a record, padding, the zeros, the end.
        let offsets = [
            0, 45, 64, 4_095, 4_096, 4_200, 8_100, 8_192, 8_240, 8_260, 12_000, 12_288, 16_400,
            byteCount / 2, byteCount - 4_097, byteCount - 4_096, byteCount - 1,
        ]
        for offset in offsets {
            try flip(path, at: offset)
            let before = try DirectoryContents(of: broker.dataDirectory)
            let run = try await verify(broker.dataDirectory)
            #expect(run.code == 4, "offset \(offset): \(run.description)")
            #expect(run.hasOneErrorLine, "offset \(offset): \(run.description)")
            #expect(run.standardOutput.contains("log/\(name)"), "\(run.description)")
            // Nothing is changed by looking.
            #expect(try DirectoryContents(of: broker.dataDirectory) == before)
            try flip(path, at: offset)
        }
        let again = try await verify(broker.dataDirectory)
        #expect(again.code == 0, "\(again.description)")
    }

    @Test("a damaged record is named by its LSN, for programs too")
    func damagedRecord() async throws {
        let broker = try await stopped()
        let births = try await BrokerctlRun.run([
            "segment", "dump", "--data-dir", broker.dataDirectory, "--type", "enqueue", "-o",
            "json",
        ])
        let third = try births.objects[2]
        #expect(third["payload"] as? String == "payload 3")
        let segment = try #require(third["segment"] as? Int)
        let offset = try #require(third["offset"] as? Int)
        let lsn = try #require(third["lsn"] as? Int)
        let digits = String(segment)
        let name = String(repeating: "0", count: 16 - digits.count) + digits + ".seg"
        try flip("\(broker.dataDirectory)/log/\(name)", at: offset + 2)
        let run = try await BrokerctlRun.run([
            "segment", "verify", "--data-dir", broker.dataDirectory, "-o", "json",
        ])
        #expect(run.code == 4)
        let damage = try #require(try run.objects.first)
        #expect(damage["segment"] as? Int == segment)
        let first = try #require(damage["first_lsn"] as? Int)
        let last = try #require(damage["last_lsn"] as? Int)
        #expect((first...last).contains(lsn), "\(run.description)")
        let start = try #require(damage["offset"] as? Int)
        let byteCount = try #require(damage["bytes"] as? Int)
        #expect((start..<start + byteCount).contains(offset))
        #expect(try run.objects.last?["whole"] as? Bool == false)
    }

    @Test("a running broker's directory is refused, and its process named")
    func running() async throws {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        for verb in Self.verbs {
            let run = try await BrokerctlRun.run([
                "segment", verb, "--data-dir", broker.dataDirectory,
            ])
            #expect(run.code == 1, "\(run.description)")
            #expect(run.hasOneErrorLine)
            #expect(run.standardError.contains("\(broker.processID)"), "\(run.description)")
        }
    }

    @Test("what is no broker's directory, or one of another version, is refused with 1")
    func foreign() async throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("hello", to: "notes.txt")
        let empty = try TemporaryDirectory()
        let other = try await stopped()
        let store = URL(fileURLWithPath: "\(other.dataDirectory)/STORE")
        var bytes = [UInt8](try Data(contentsOf: store))
        bytes[8] = 99
        withUnsafeBytes(of: crc32c(bytes[..<60]).littleEndian) {
            bytes.replaceSubrange(60..<64, with: $0)
        }
        try Data(bytes).write(to: store)

        for (path, word) in [
            (directory.path, "notes.txt"), (empty.path, "STORE"),
            (directory.path(of: "nosuch"), "nosuch"), (other.dataDirectory, "99"),
        ] {
            for verb in Self.verbs {
                let run = try await BrokerctlRun.run(["segment", verb, "--data-dir", path])
                #expect(run.code == 1, "\(run.description)")
                #expect(run.hasOneErrorLine, "\(run.description)")
                #expect(run.standardError.contains(word), "\(run.description)")
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: empty.path).isEmpty)
    }

    @Test("a segment of another store is named, and not taken for one of this")
    func foreignSegment() async throws {
        let broker = try await stopped()
        let other = try await stopped()
        let name = try lastSegment(of: broker)
        let foreign = "\(other.dataDirectory)/\(try lastSegment(of: other))"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: foreign))
        try bytes.write(to: URL(fileURLWithPath: "\(broker.dataDirectory)/\(name)"))
        let run = try await verify(broker.dataDirectory)
        #expect(run.code == 1, "\(run.description)")
        #expect(run.hasOneErrorLine, "\(run.description)")
        #expect(run.standardError.contains(name), "\(run.description)")
    }

    @Test("a damaged STORE is damage")
    func damagedStore() async throws {
        let broker = try await stopped()
        try flip("\(broker.dataDirectory)/STORE", at: 20)
        let run = try await verify(broker.dataDirectory)
        #expect(run.code == 4, "\(run.description)")
        #expect(run.standardError.contains("STORE"))
    }

    @Test("the filters of dump")
    func filters() async throws {
        let broker = try await stopped()
        func dump(_ arguments: String...) async throws -> [[String: Any]] {
            let run = try await BrokerctlRun.run(
                ["segment", "dump", "--data-dir", broker.dataDirectory, "-o", "json"] + arguments)
            #expect(run.code == 0, "\(run.description)")
            return try run.objects
        }
        let all = try await dump()
        let lsns = all.compactMap { $0["lsn"] as? Int }
        #expect(lsns == Array(1...lsns.count), "every record, once, in order")
        #expect(try await dump("--lsn", "2..4").compactMap { $0["lsn"] as? Int } == [2, 3, 4])
        #expect(try await dump("--lsn", "\(lsns.count)..").count == 1)
        let births = try await dump("--type", "ENQUEUE")
        #expect(births.count == 5)
        let job = try #require((births[0]["jobs"] as? [String])?.first)
        let types = try await dump("--job", job).compactMap { $0["type"] as? String }
        #expect(types == ["ENQUEUE", "LEASE", "ACK"])
        #expect(try await dump("--type", "START").count >= 1)
        let segment = try #require(all.first?["segment"] as? Int)
        #expect(
            try await dump("--segment", "\(segment)").allSatisfy {
                $0["segment"] as? Int == segment
            })
    }

    @Test("live and dead jobs and bytes of the segments, and the statistics, agree with the broker")
    func figures() async throws {
        let broker = try await stopped()
        func run(_ verb: String) async throws -> [[String: Any]] {
            let run = try await BrokerctlRun.run([
                "segment", verb, "--data-dir", broker.dataDirectory, "-o", "json",
            ])
            #expect(run.code == 0, "\(run.description)")
            return try run.objects
        }
        let before = try DirectoryContents(of: broker.dataDirectory)
        let segments = try await run("list")
        func sum(_ key: String) -> Int {
            segments.compactMap { $0[key] as? Int }.reduce(0, +)
        }
        #expect(sum("live_jobs") == 3)
        #expect(sum("done_jobs") == 2)
        #expect(sum("live_bytes") + sum("dead_bytes") == sum("used_bytes"))
        // Three payloads of nine bytes and what belongs to each.
        #expect((3 * 40..<3 * 100).contains(sum("live_bytes")))
        let statistics = try await run("stats")
        let births = try #require(statistics.first { $0["record"] as? String == "ENQUEUE" })
        #expect(births["count"] as? Int == 5)
        let all = try #require(statistics.last)
        #expect(all["payload_bytes"] as? Int == 5 * 9)
        #expect(all["live_jobs"] as? Int == 3)
        #expect(all["live_bytes"] as? Int == sum("live_bytes"))
        #expect(all["write_amplification"] as? Double ?? 0 > 1)
        // A broker that stops in order leaves a snapshot.
        let slots = statistics.filter { $0["slot"] != nil }
        #expect(slots.count == 3)
        #expect(slots.contains { $0["state"] as? String == "whole" })
        #expect(try DirectoryContents(of: broker.dataDirectory) == before)
    }

    @Test("records of one queue: its own and its jobs', also where a number had two queues")
    func queueFilter() async throws {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        _ = try await broker.ctlDone("queue", "create", "first")
        _ = try await broker.ctlDone("queue", "delete", "first")
        _ = try await broker.ctlDone("enqueue", "second", "--payload", "two")
        _ = try await broker.ctlDone("enqueue", "third", "--payload", "three")
        let tokens = try await broker.ctlDone("lease", "second", "-o", "json").objects
            .compactMap { $0["token"] as? String }
        _ = try await BrokerctlRun.run(["ack"] + tokens, at: broker.address)
        #expect(await broker.terminate() == .code(0), "\(broker.log)")
        func types(_ queue: String) async throws -> [String] {
            let run = try await BrokerctlRun.run([
                "segment", "dump", "--data-dir", broker.dataDirectory, "--queue", queue, "-o",
                "json",
            ])
            #expect(run.code == 0, "\(run.description)")
            return try run.objects.compactMap { $0["type"] as? String }
        }
        #expect(try await types("first") == ["QUEUE", "QUEUE"])
        #expect(try await types("second") == ["QUEUE", "ENQUEUE", "LEASE", "ACK"])
        #expect(try await types("third") == ["QUEUE", "ENQUEUE"])
        let run = try await BrokerctlRun.run([
            "segment", "dump", "--data-dir", broker.dataDirectory, "--queue", "fourth",
        ])
        #expect(run.code == 1)
        #expect(run.standardError.contains("fourth"))
    }

    @Test("--follow shows what a running broker writes, each record once, and ends with the broker")
    func follow() async throws {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        for number in 1...3 {
            _ = try await broker.ctlDone("enqueue", "q", "--payload", "early \(number)")
        }
        let dump = try ChildProcess(
            try BuiltProgram.brokerctl.path,
            [
                "segment", "dump", "--data-dir", broker.dataDirectory, "--follow", "--type",
                "ENQUEUE", "-o", "json",
            ])
        #expect(await dump.line { $0.contains("early 3") } != nil)
        for number in 1...3 {
            _ = try await broker.ctlDone("enqueue", "q", "--payload", "late \(number)")
        }
        #expect(await dump.line { $0.contains("late 3") } != nil)
        #expect(await broker.terminate() == .code(0), "\(broker.log)")
        #expect(await dump.exit() == .code(0), "\(dump.standardError)")
        let payloads = try BrokerctlRun(
            exit: .code(0), standardOutput: dump.standardOutput, standardError: ""
        ).objects.compactMap { $0["payload"] as? String }
        #expect(payloads == (1...3).map { "early \($0)" } + (1...3).map { "late \($0)" })
    }

    /// Damages every page of the store.
    private func damagePages(_ directory: String) throws {
        let pages = "\(directory)/pages"
        for name in try FileManager.default.contentsOfDirectory(atPath: pages) {
            let byteCount =
                try FileManager.default.attributesOfItem(atPath: "\(pages)/\(name)")[.size] as? Int
            for offset in stride(from: 0, to: byteCount ?? 0, by: 4_096).prefix(64) {
                try flip("\(pages)/\(name)", at: offset + 100)
            }
        }
    }

    @Test("damaged pages are named; a broker refuses them, rebuild makes them anew, and it starts")
    func rebuild() async throws {
        let broker = try await stopped()
        try damagePages(broker.dataDirectory)
        let verified = try await BrokerctlRun.run([
            "segment", "verify", "--data-dir", broker.dataDirectory, "-o", "json",
        ])
        #expect(verified.code == 4)
        let damages = try verified.objects.filter { $0["page"] != nil }
        #expect(!damages.isEmpty)
        #expect(damages.allSatisfy { ($0["path"] as? String)?.hasPrefix("pages/") == true })
        #expect(try verified.objects.last?["jobs"] is NSNull)
        let list = try await BrokerctlRun.run([
            "segment", "list", "--data-dir", broker.dataDirectory,
        ])
        #expect(list.code == 4)
        #expect(list.standardOutput.contains("?"))
        await #expect(throws: (any Error).self) { try await broker.restart() }

        let before = try DirectoryContents(of: broker.dataDirectory)
        let plan = try await BrokerctlRun.run([
            "segment", "rebuild", "--data-dir", broker.dataDirectory, "-o", "json",
        ])
        #expect(plan.code == 0, "\(plan.description)")
        #expect(try plan.objects.first?["jobs"] as? Int == 3)
        #expect(try plan.objects.first?["written"] as? Bool == false)
        #expect(try DirectoryContents(of: broker.dataDirectory) == before)
        let done = try await BrokerctlRun.run([
            "segment", "rebuild", "--data-dir", broker.dataDirectory, "--write", "-o", "json",
        ])
        #expect(done.code == 0, "\(done.description)")
        #expect(try done.objects.first?["written"] as? Bool == true)
        let whole = try await verify(broker.dataDirectory)
        #expect(whole.code == 0, "\(whole.description)")
        try await broker.restart()
        let jobs = try await broker.ctlDone("lease", "q", "--count", "9", "-o", "json").objects
        #expect(
            jobs.compactMap { $0["payload"] as? String } == [3, 4, 5].map { "payload \($0)" })
    }

    @Test("a damaged snapshot is damage, and harmless: the broker starts without it")
    func damagedSnapshot() async throws {
        let broker = try await stopped()
        let slots = try FileManager.default.contentsOfDirectory(
            atPath: "\(broker.dataDirectory)/snap")
        for slot in slots { try flip("\(broker.dataDirectory)/snap/\(slot)", at: 40) }
        let run = try await verify(broker.dataDirectory)
        #expect(run.code == 4, "\(run.description)")
        #expect(run.standardOutput.contains("snap/\(slots.min() ?? "")"))
        let rebuilt = try await BrokerctlRun.run([
            "segment", "rebuild", "--data-dir", broker.dataDirectory,
        ])
        #expect(rebuilt.code == 1, "the log alone says it")
        try await broker.restart()
        #expect(
            try await broker.ctlDone("lease", "q", "--count", "9", "-o", "json").objects.count == 3)
    }

    /// CRC32C bit by bit, for the few bytes of a STORE.
    private func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var checksum = ~UInt32(0)
        for byte in bytes {
            checksum ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = checksum & 1 == 1
                checksum >>= 1
                if isOdd { checksum ^= 0x82F6_3B78 }
            }
        }
        return ~checksum
    }
}
