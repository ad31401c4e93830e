internal import Foundation
internal import HoldfastHarness
internal import Testing

/// A sample of `make torture`, by the same program: one small round of some faults.
@Suite("torture", .serialized)
struct TortureTests {
    /// What needs neither root nor mounts nor anything else that a machine may not have: never skipped.
    private static let everywhere: Set = ["kill", "stop", "calls"]

    @Test(
        "a small round of a fault: no violation; what a machine may lack may be missing here",
        .timeLimit(.minutes(5)),
        arguments: [
            "kill", "stop", "memory", "full-ext4", "in-place-btrfs", "power-ext4",
            "flush-error-ext4", "dead-ext4",
            "calls",
        ])
    func sample(fault: String) async throws {
        let child = try ChildProcess(
            try BuiltProgram.torture.path, ["--faults", fault, "--rounds", "1", "--small"])
        let exit = await child.exit()
        let line = child.standardOutput.split(separator: "\n").first { $0.hasPrefix(fault) }
        print("torture: \(line ?? "nothing was said")")
        #expect(exit == .code(0), "\(child.output)")
        let isSkipped = line?.contains("not available here") == true
        #expect(!isSkipped || !Self.everywhere.contains(fault), "\(child.output)")
        #expect(isSkipped || line?.contains(" 0 violations") == true, "\(child.output)")
    }
}
