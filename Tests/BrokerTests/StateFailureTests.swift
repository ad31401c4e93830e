internal import Glibc
internal import HoldfastBroker
internal import HoldfastDisk
internal import HoldfastProtocol
internal import HoldfastSimulation
internal import HoldfastStore
internal import Testing

/// A state that cannot be used is the end of the process, with a word for the next start: nothing that
/// was computed from it leaves.
@Suite struct StateFailureTests {
    @Test("S13: a page that is not what was written ends the broker as a failing disk does")
    func page() async throws {
        let result = try await #require(
            processExitsWith: .exitCode(FailStop.ExitCode.storageFailed.rawValue),
            observing: [\.standardOutputContent]
        ) {
            try Self.meetDamagedPage()
        }
        let said = String(decoding: result.standardOutputContent, as: UTF8.self)
        #expect(said.contains(SuspicionTeller.head + "page "), "\(said)")
    }

    @Test("I9: pages that contradict each other end the broker with a code of their own")
    func contradiction() async throws {
        let result = try await #require(
            processExitsWith: .exitCode(FailStop.ExitCode.stateContradicts.rawValue),
            observing: [\.standardOutputContent]
        ) {
            try Self.meetContradiction()
        }
        let said = String(decoding: result.standardOutputContent, as: UTF8.self)
        #expect(
            said.contains(SuspicionTeller.head + "the state contradicts itself: "), "\(said)")
    }

    // MARK: In a process of their own, which ends with 0 where the broker lives on

    /// Jobs are leased from a state of which one page has another bit: of one page after the other,
    /// until there is one that a start does not need and a lease does.
    private static func meetDamagedPage() throws {
        let (rig, disk) = try snapshotted { rig, client in
            // More than the first and the last page of their lane, which a start may look at.
            for _ in 1...10 {
                _ = try client.ask(RigClient.enqueue(Array(repeating: "x", count: 100), to: "q"))
                rig.pass(milliseconds: 10)
            }
        }
        for path in disk.files where path.hasPrefix("pages/") {
            let bytes = disk.contents(path) ?? []
            for offset in stride(from: 0, to: bytes.count, by: 4_096)
            where bytes[offset..<offset + 4_096].contains(where: { $0 != 0 }) {
                rig.disk.disk = disk
                rig.disk.disk.flipBit(path, at: offset + 100, bit: 3)
                guard (try? rig.losePower()) != nil else { continue }
                let client = try rig.connect()
                for _ in 1...10 {
                    client.send { RigClient.lease("q", count: 100)(1, &$0) }
                    rig.run()
                }
            }
        }
        exit(0)
    }

    /// A dead job is put back into a queue that counts none.
    private static func meetContradiction() throws {
        let queue = "contradicted"
        let (rig, disk) = try snapshotted { _, client in
            _ = try client.ask(RigClient.enqueue(["a", "b"], to: queue))
            let job = try #require(try client.ask(RigClient.lease(queue)).jobs.first)
            _ = try client.ask { correlation, buffer in
                Array("no".utf8).withUnsafeBytes {
                    RejectRequest.write(
                        correlation: correlation, reason: $0, tokens: [job.token], into: &buffer)
                }
            }
        }
        rig.disk.disk = withoutDead(queue, disk)
        // Pages are read when they are needed: nobody has looked.
        try rig.losePower()
        let client = try rig.connect()
        client.send { RedriveRequest.write(correlation: 1, queue: queue, limit: 10, into: &$0) }
        rig.run()
        exit(0)
    }

    /// A broker whose last snapshot knows all that was done, and its disk.
    private static func snapshotted(
        _ prepare: (BrokerRig, RigClient) throws -> Void
    ) throws -> (BrokerRig, SimulatedDisk) {
        let rig = try BrokerRig(tellsSuspicion: true) { $0.snapshots.recordCountMax = 1 }
        rig.startBackgroundWork()
        let client = try rig.connect()
        try prepare(rig, client)
        for _ in 1...200 { rig.pass(milliseconds: 10) }
        let status = try client.status()
        try #require(status["snapshot_lsn"] == status["durable_lsn"])
        return (rig, rig.disk.disk.afterPowerLoss(CrashChoices()))
    }

    /// The snapshots count no dead job in a queue that has one. All checksums are good.
    private static func withoutDead(_ queue: String, _ disk: SimulatedDisk) -> SimulatedDisk {
        var changed = disk
        for path in disk.files where path.hasPrefix("snap/") {
            changed.forge(path) { bytes in
                // See docs/snapshots.md and docs/engine-root.md.
                let end = 4_096 + Int(ChecksumRepair.integer(UInt64.self, bytes, 56))
                let text = [UInt8(queue.utf8.count)] + Array(queue.utf8)
                guard end <= bytes.count,
                    let name = (4_096..<end).first(where: { bytes[$0...].starts(with: text) })
                else { return }
                let policy = name + text.count
                bytes[policy + 28 + 4 + 16] = 0
            }
        }
        return changed
    }
}
