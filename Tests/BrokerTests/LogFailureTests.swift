internal import Glibc
internal import HoldfastBroker
internal import HoldfastDisk
internal import HoldfastSimulation
internal import Testing

/// A log that cannot be written is the end of the process: nothing is answered after it.
@Suite struct LogFailureTests {
    @Test("L8, F11: an error of a commit ends the broker with its own code, on the loop")
    func inline() async {
        await #expect(processExitsWith: .exitCode(FailStop.ExitCode.storageFailed.rawValue)) {
            try Self.commitOnFailingDisk { _ in }
        }
    }

    @Test("L8, F11: the same on the writer's thread")
    func handedOver() async {
        await #expect(processExitsWith: .exitCode(FailStop.ExitCode.storageFailed.rawValue)) {
            try Self.commitOnFailingDisk { $0.inlineCommitByteCountMax = 0 }
        }
    }

    /// One commit whose write fails once. The process ends with 0 where the broker lives on.
    private static func commitOnFailingDisk(
        _ change: (inout BrokerConfiguration) -> Void
    ) throws {
        let rig = try BrokerRig(change)
        let client = try rig.connect()
        rig.disk.fail(SimulatedFault([.writeDurably], code: EIO))
        client.send { RigClient.enqueue(["a"], to: "q")(1, &$0) }
        rig.run()
        exit(0)
    }
}
