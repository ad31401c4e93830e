internal import Foundation
internal import HoldfastHarness
internal import Testing

/// `segment repair`, and the other tools on damaged files.
@Suite struct BrokerctlRepairTests {
    /// The directory of a broker that was killed: five jobs, of which three are leased.
    private func killed() async throws -> BrokerProcess {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        for number in 1...5 {
            _ = try await broker.ctlDone("enqueue", "q", "--payload", "payload \(number)")
        }
        _ = try await broker.ctlDone("lease", "q", "--count", "3", "-o", "json")
        await broker.kill()
        return broker
    }

    private func segment(
        _ verb: String, of broker: BrokerProcess, _ more: String...
    ) async throws
        -> BrokerctlRun
    {
        try await BrokerctlRun.run(["segment", verb, "--data-dir", broker.dataDirectory] + more)
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

    /// The path of the segment that this object of a dump lies in.
    private func path(_ object: [String: Any], in broker: BrokerProcess) throws -> String {
        let digits = String(try #require(object["segment"] as? Int))
        let name = String(repeating: "0", count: 16 - digits.count) + digits + ".seg"
        return "\(broker.dataDirectory)/log/\(name)"
    }

    @Test("a repair says by id what is lost, and with --write the rest is served again")
    func lostJob() async throws {
        let broker = try await killed()
        let births = try await segment("dump", of: broker, "--type", "enqueue", "-o", "json")
            .objects
        let ids = births.compactMap { ($0["jobs"] as? [String])?.first }
        #expect(ids.count == 5)
        let second = births[1]
        let offset = try #require(second["offset"] as? Int)
        try flip(try path(second, in: broker), at: offset + 2)
        let damaged = try DirectoryContents(of: broker.dataDirectory)

        let plan = try await segment("repair", of: broker, "-o", "json")
        #expect(plan.code == 4, "\(plan.description)")
        #expect(plan.hasOneErrorLine, "\(plan.description)")
        #expect(try DirectoryContents(of: broker.dataDirectory) == damaged, "only looked at")
        let said = try #require(try plan.objects.first)
        #expect(said["written"] as? Bool == false)
        #expect(said["start_refused"] is String)
        func jobs(_ name: String) -> [String] {
            (said[name] as? [String: Any])?["jobs"] as? [String] ?? []
        }
        #expect(jobs("lost_jobs") == [ids[1]], "\(plan.description)")
        #expect(Set(jobs("voided_leases")) == [ids[0], ids[2]], "\(plan.description)")
        #expect(said["jobs"] as? Int == 4)
        #expect((said["quarantined"] as? [Any])?.count == 1)
        let text = try await segment("repair", of: broker)
        #expect(text.code == 4, "\(text.description)")
        #expect(text.standardOutput.contains(ids[1]), "\(text.description)")

        let done = try await segment("repair", of: broker, "--write", "-o", "json")
        #expect(done.code == 0, "\(done.description)")
        #expect(try done.objects.first?["written"] as? Bool == true)
        let whole = try await segment("verify", of: broker)
        #expect(whole.code == 0, "\(whole.description)")
        #expect(whole.standardOutput.contains("gone"), "\(whole.description)")
        let again = try await segment("repair", of: broker)
        #expect(again.code == 0, "\(again.description)")
        #expect(again.standardOutput.contains("nothing to repair"), "\(again.description)")
        try await broker.restart()
        let left = try await broker.ctlDone("job", "list", "q", "-o", "json").objects
        #expect(Set(left.compactMap { $0["job"] as? String }) == Set(ids).subtracting([ids[1]]))
    }

    @Test("no tool crashes on a damaged file, whatever is damaged")
    func tools() async throws {
        let broker = try await killed()
        let log = "\(broker.dataDirectory)/log"
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: log).filter {
                $0.hasSuffix(".seg")
            }.max())
        let path = "\(log)/\(name)"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var cut = whole
        cut.removeLast(whole.count / 2)
        var zeroed = whole
        zeroed.resetBytes(in: 4_096..<8_192)
        var rubbish = whole
        for place in 8_192..<12_288 { rubbish[place] = UInt8(truncatingIfNeeded: place &* 167) }
        for (what, bytes) in [
            ("empty", Data()), ("cut", cut), ("zeroed", zeroed), ("rubbish", rubbish),
        ] {
            try bytes.write(to: URL(fileURLWithPath: path))
            for verb in ["list", "dump", "verify", "stats", "rebuild", "repair"] {
                let run = try await segment(verb, of: broker)
                #expect([0, 1, 4].contains(run.code), "\(what), \(run.description)")
            }
            let verify = try await segment("verify", of: broker)
            #expect(verify.code == 4, "\(what), \(verify.description)")
        }
        try whole.write(to: URL(fileURLWithPath: path))
        try await broker.restart()
    }
}
