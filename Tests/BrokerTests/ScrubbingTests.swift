import HoldfastBroker
import HoldfastDisk
import HoldfastProtocol
import HoldfastSimulation
import HoldfastWAL
import Testing

/// What a broker reads of its log though nobody asks for it.
@Suite struct ScrubbingTests {
    /// A broker with some MiB of jobs that nobody leases, in sealed segments of 1 MiB.
    private func filled(
        _ change: (inout Int) -> Void = { _ in }
    ) throws -> (rig: BrokerRig, client: RigClient) {
        let rig = try BrokerRig { change(&$0.scrubByteCountPerSecond) }
        rig.startBackgroundWork()
        let client = try rig.connect()
        let payload = String(repeating: "x", count: 20_000)
        for _ in 0..<30 {
            _ = try client.ask(RigClient.enqueue(Array(repeating: payload, count: 8), to: "q"))
        }
        rig.pass(milliseconds: 1_000)
        return (rig, client)
    }

    private func number(_ name: String, _ client: RigClient) throws -> UInt64 {
        guard case .number(let number)? = try client.status()[name] else {
            Issue.record("the status has no \(name)")
            return 0
        }
        return number
    }

    @Test("S13: a bit that flips in a sealed segment is found, told once, counted, and that is all")
    func damage() throws {
        let (rig, client) = try filled()
        for _ in 0..<20 { rig.pass(milliseconds: 1_000) }
        #expect(try number("scrub_rounds", client) > 0)
        #expect(try number("scrub_damages", client) == 0)
        #expect(rig.logged.errors == [])

        let path = DirectoryLayout.segment(2)
        var disk = rig.disk.disk
        disk.flipBit(path, at: 500_000, bit: 3)
        rig.disk.disk = disk
        for _ in 0..<20 { rig.pass(milliseconds: 1_000) }
        #expect(try number("scrub_damages", client) == 1)
        #expect(rig.logged.errors.count == 1)
        let line = try #require(rig.logged.errors.first)
        #expect(line.contains(path))
        #expect(line.contains(LogDamage.Kind.payload.rawValue))
        #expect(line.contains("LSN "))
        // Rounds go on, find it again and say nothing.
        let rounds = try number("scrub_rounds", client)
        for _ in 0..<20 { rig.pass(milliseconds: 1_000) }
        #expect(try number("scrub_rounds", client) > rounds)
        #expect(try number("scrub_damages", client) == 1)
        #expect(rig.logged.errors.count == 1)
        // Nothing else has come of it.
        #expect(try number("corrupt_payloads", client) == 0)
        _ = try client.ask(RigClient.enqueue(["new"], to: "other"))
        #expect(try client.ask(RigClient.lease("other")).jobs.map(\.payload) == ["new"])
    }

    @Test("it reads no more than a piece a second, and goes from segment to segment")
    func pace() throws {
        let (rig, client) = try filled()
        let start = try number("scrubbed_bytes", client)
        var segments: Set<UInt64> = []
        let before = rig.disk.calls.count
        for _ in 0..<10 {
            rig.pass(milliseconds: 1_000)
            segments.insert(try number("scrub_segment", client))
        }
        let byteCount = try number("scrubbed_bytes", client) - start
        #expect((3 << 20...11 << 20).contains(byteCount), "\(byteCount)")
        #expect(segments.isSuperset(of: [1, 2, 3]))
        // What is read is hardly more than what is checked.
        let read = rig.disk.calls[before...].filter { $0.call == .read }
            .reduce(0) { $0 + $1.byteCount }
        #expect(read < Int(byteCount) * 3 / 2, "\(read) bytes read to check \(byteCount)")
    }

    @Test("at a rate of 0 nothing is read")
    func off() throws {
        let (rig, client) = try filled { $0 = 0 }
        let before = rig.disk.calls.count
        for _ in 0..<4 { rig.pass(milliseconds: 1_000) }
        #expect(!rig.disk.calls[before...].contains { $0.call == .read })
        #expect(try number("scrubbed_bytes", client) == 0)
        #expect(try number("scrub_segment", client) == 0)
    }

    @Test("a disk that does not answer is told of, and the broker goes on")
    func unreadable() throws {
        let (rig, client) = try filled()
        let path = DirectoryLayout.segment(1)
        rig.disk.fail(SimulatedFault([.open], pathPart: path, code: 5, isPersistent: true))
        for _ in 0..<10 { rig.pass(milliseconds: 1_000) }
        #expect(try number("scrub_damages", client) == 1)
        #expect(rig.logged.errors.count == 1)
        #expect(rig.logged.errors.first?.contains(path) == true)
        #expect(try number("scrub_segment", client) != 1)
        _ = try client.ask(RigClient.enqueue(["new"], to: "other"))
    }
}
