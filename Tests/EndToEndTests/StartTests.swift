internal import Foundation
internal import HoldfastHarness
internal import HoldfastModel
internal import Testing

/// What a broker refuses to start on: a clear message, the right exit code, nothing changed on disk.
@Suite("refusals to start")
struct StartTests {
    /// Runs a broker that should not start.
    private static func refused(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> (exit: ChildProcess.Exit, message: String) {
        let child = try BrokerProcess.run(arguments, environment: environment)
        // One that serves would never end by itself.
        if await child.line(where: { $0.contains("ready listen=") }) != nil {
            child.send(SIGKILL)
            throw TestFault("the broker serves instead of refusing: \(child.standardError)")
        }
        return (await child.exit(), child.standardError)
    }

    /// A data directory that a broker has made, filled and left.
    private static func usedStore() async throws -> BrokerProcess {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            _ = try connection.enqueue("q", (1...20).map { TestJob("\($0)") })
        }
        guard await broker.terminate() == .code(0) else {
            throw TestFault("the broker did not stop: \(broker.log)")
        }
        return broker
    }

    @Test(
        "two brokers on one data directory: the second refuses to start and names the first",
        .timeLimit(.minutes(2)))
    func twoBrokers() async throws {
        let first = try await BrokerProcess.start()
        try await onThread {
            _ = try TestConnection(port: first.port).enqueue("q", [TestJob("one")])
        }
        let (exit, message) = try await Self.refused([
            "--data-dir", first.dataDirectory, "--listen", "127.0.0.1:0",
        ])
        #expect(exit == .code(75), "\(message)")
        #expect(message.contains("\(first.processID)"), "\(message)")
        try await onThread {
            let connection = try TestConnection(port: first.port)
            #expect(try connection.lease("q").map(\.text) == ["one"])
        }
        // The next one may have it as soon as the first is gone, however it went.
        await first.kill()
        try await first.restart()
        #expect(await first.terminate() == .code(0))
    }

    @Test("a data directory of another version", .timeLimit(.minutes(2)))
    func otherVersion() async throws {
        let store = try await Self.usedStore()
        let path = "\(store.dataDirectory)/STORE"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        // docs/log-format.md: the version is the u32 at 8, the last four bytes are the CRC32C.
        bytes[8] += 1
        let sum = crc32c(bytes[..<60])
        for index in 0..<4 { bytes[60 + index] = UInt8(truncatingIfNeeded: sum >> (8 * index)) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try await expectRefusal(of: store.dataDirectory, .code(65), saying: "version")
    }

    @Test("a data directory whose STORE is damaged", .timeLimit(.minutes(2)))
    func damagedStore() async throws {
        let store = try await Self.usedStore()
        let path = "\(store.dataDirectory)/STORE"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[20] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try await expectRefusal(of: store.dataDirectory, .code(65), saying: "STORE")
    }

    @Test("another store's files", .timeLimit(.minutes(2)))
    func foreignSegments() async throws {
        let store = try await Self.usedStore()
        let other = try await Self.usedStore()
        let log = "\(store.dataDirectory)/log"
        for name in try FileManager.default.contentsOfDirectory(atPath: log) {
            try FileManager.default.removeItem(atPath: "\(log)/\(name)")
        }
        for name in try FileManager.default.contentsOfDirectory(
            atPath: "\(other.dataDirectory)/log")
        {
            try FileManager.default.copyItem(
                atPath: "\(other.dataDirectory)/log/\(name)", toPath: "\(log)/\(name)")
        }
        try await expectRefusal(of: store.dataDirectory, .code(65), saying: "another store")
    }

    @Test("a directory that holds something else", .timeLimit(.minutes(2)))
    func foreignFiles() async throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("dear diary", to: "diary.txt")
        try await expectRefusal(of: directory.path, .code(65), saying: "diary.txt")
    }

    @Test("a log with a byte changed in the middle", .timeLimit(.minutes(2)))
    func damagedLog() async throws {
        let store = try await Self.usedStore()
        // Behind the last snapshot, since a start reads nothing before it. What is in doubt at a start
        // goes into a segment of its own; a further commit leaves no doubt about it, so that nothing
        // of it may be torn.
        for round in 1...2 {
            try await store.restart()
            try await onThread {
                let connection = try TestConnection(port: store.port)
                _ = try connection.enqueue("q", [TestJob("later \(round)")])
            }
            await store.kill()
        }
        let (path, offset) = try Self.lastPayload("later 1", in: "\(store.dataDirectory)/log")
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: UInt64(offset))
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data([byte ^ 0x40]))
        try handle.close()
        try await expectRefusal(of: store.dataDirectory, .code(65), saying: "damaged")

        // Told to go on, a broker does, and says what is gone: the one job, and no other.
        let (child, port) = try await BrokerProcess.serve(
            store.dataDirectory, port: 0, ["--on-damage", "quarantine"])
        try await onThread {
            let connection = try TestConnection(port: port)
            let jobs = try connection.lease("q", count: 100).map(\.text)
            #expect(jobs == (1...20).map { "\($0)" } + ["later 2"])
        }
        child.send(SIGTERM)
        #expect(await child.exit() == .code(0))
        #expect(child.output.contains("damage was passed over"))
        #expect(child.output.contains("records that are gone: "))
        let aside = try FileManager.default.contentsOfDirectory(
            atPath: "\(store.dataDirectory)/quarantine")
        #expect(aside.contains { $0.hasSuffix(".damaged") })
        // And the next one has nothing to pass.
        try await store.restart()
        #expect(await store.terminate() == .code(0))
    }

    /// Where the last byte of a job's payload lies, in the newest segment that has it.
    private static func lastPayload(
        _ payload: String, in log: String
    ) throws -> (path: String, offset: Int) {
        // A content without codec, kind and headers.
        let content = [0, 0, 0, 0, UInt8(payload.utf8.count), 0, 0, 0] + Array(payload.utf8)
        let names = try FileManager.default.contentsOfDirectory(atPath: log)
        for name in names.filter({ $0.hasSuffix(".seg") }).sorted(by: >) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(log)/\(name)"))
            if let range = bytes.range(of: Data(content)) {
                return ("\(log)/\(name)", range.upperBound - 1)
            }
        }
        throw TestFault("no segment in \(log) holds the job \(payload)")
    }

    private func expectRefusal(
        of dataDirectory: String, _ exit: ChildProcess.Exit, saying word: String
    ) async throws {
        let before = try DirectoryContents(of: dataDirectory)
        let refusal = try await Self.refused([
            "--data-dir", dataDirectory, "--listen", "127.0.0.1:0",
        ])
        #expect(refusal.exit == exit, "\(refusal.message)")
        #expect(refusal.message.contains(word), "\(refusal.message)")
        #expect(refusal.message.contains(dataDirectory), "\(refusal.message)")
        let changes = try DirectoryContents(of: dataDirectory).changes(since: before)
        #expect(changes == "")
    }

    @Test("a port in use", .timeLimit(.minutes(2)))
    func portInUse() async throws {
        let first = try await BrokerProcess.start()
        let store = try await Self.usedStore()
        let before = try DirectoryContents(of: store.dataDirectory)
        let (exit, message) = try await Self.refused([
            "--data-dir", store.dataDirectory, "--listen", first.address,
        ])
        #expect(exit == .code(69), "\(message)")
        #expect(message.contains(first.address), "\(message)")
        #expect(message.contains("--listen"), "\(message)")
        let changes = try DirectoryContents(of: store.dataDirectory).changes(since: before)
        #expect(changes == "")
        // The one that was there first goes on.
        try await onThread { try TestConnection(port: first.port).ping() }
    }

    struct BadSetting: Sendable, CustomTestStringConvertible {
        var name: String
        var arguments: [String] = []
        var environment: [String: String] = [:]
        /// What the settings file says; nil: there is none.
        var file: String?
        /// What the message must name.
        var saying: String

        var testDescription: String { name }
    }

    @Test(
        "settings that cannot be used", .timeLimit(.minutes(2)),
        arguments: [
            BadSetting(
                name: "another address than loopback", arguments: ["--listen", "0.0.0.0:0"],
                saying: "--insecure"),
            BadSetting(
                name: "another address than loopback, by the environment",
                environment: ["HOLDFAST_LISTEN": "0.0.0.0:0"], saying: "--insecure"),
            BadSetting(
                name: "a listen address without a port", arguments: ["--listen", "127.0.0.1"],
                saying: "127.0.0.1"),
            BadSetting(
                name: "a port that is none", arguments: ["--listen", "127.0.0.1:65536"],
                saying: "65535"),
            BadSetting(
                name: "a log level that is none", arguments: ["--log-level", "loud"],
                saying: "loud"),
            BadSetting(
                name: "a segment size that is no power of two", arguments: ["--segment-mib", "3"],
                saying: "segment-mib"),
            BadSetting(
                name: "no memory", arguments: ["--memory-mib", "0"],
                saying: "memory-mib"),
            BadSetting(
                name: "a number that is none", arguments: ["--segment-mib", "many"],
                saying: "many"),
            BadSetting(
                name: "a number that is none, by the environment",
                environment: ["HOLDFAST_SEGMENT_MIB": "many"], saying: "segment-mib"),
            BadSetting(name: "an unknown flag", arguments: ["--fast"], saying: "--fast"),
            BadSetting(
                name: "a settings file that is not there",
                arguments: ["--config", "/nowhere.yaml"],
                saying: "/nowhere.yaml"),
            BadSetting(
                name: "a settings file that is no YAML", file: "a: [1,\n  b: }",
                saying: "settings.yaml"),
            BadSetting(
                name: "a settings file that is a list", file: "- a\n- b\n", saying: "settings.yaml"),
            BadSetting(
                name: "a settings file with a setting of the wrong kind",
                file: "segment-mib: many\n", saying: "segment-mib"),
        ])
    func badSettings(_ setting: BadSetting) async throws {
        let directory = try TemporaryDirectory()
        let dataDirectory = directory.path(of: "data")
        var arguments = ["--data-dir", dataDirectory]
        if let file = setting.file {
            arguments += ["--config", try directory.write(file, to: "settings.yaml")]
        }
        if setting.environment["HOLDFAST_LISTEN"] == nil, !setting.arguments.contains("--listen") {
            arguments += ["--listen", "127.0.0.1:0"]
        }
        let (exit, message) = try await Self.refused(
            arguments + setting.arguments, environment: setting.environment)
        #expect(exit == .code(64), "\(message)")
        #expect(message.contains(setting.saying), "\(message)")
        #expect(!FileManager.default.fileExists(atPath: dataDirectory))
    }

    @Test("no data directory", .timeLimit(.minutes(2)))
    func noDataDirectory() async throws {
        let (exit, message) = try await Self.refused(["--listen", "127.0.0.1:0"])
        #expect(exit == .code(64), "\(message)")
        #expect(message.contains("--data-dir"), "\(message)")
    }

    @Test("settings by flag, environment and file, in that order", .timeLimit(.minutes(2)))
    func settings() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "data-dir: \(directory.path(of: "by-file"))\nlisten: 127.0.0.1:0\nlog-level: debug\n",
            to: "settings.yaml")
        let child = try BrokerProcess.run(
            ["--config", file, "--data-dir", directory.path(of: "by-flag")],
            environment: ["HOLDFAST_DATA_DIR": directory.path(of: "by-environment")])
        #expect(await child.line { $0.contains("ready") } != nil, "\(child.output)")
        #expect(FileManager.default.fileExists(atPath: directory.path(of: "by-flag/STORE")))
        #expect(!FileManager.default.fileExists(atPath: directory.path(of: "by-environment")))
        #expect(!FileManager.default.fileExists(atPath: directory.path(of: "by-file")))
        child.send(SIGINT)
        #expect(await child.exit() == .code(0), "\(child.output)")
    }

    /// CRC32C (Castagnoli), bit by bit: the page's words, not the broker's code.
    private func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
        }
        return ~sum
    }
}
