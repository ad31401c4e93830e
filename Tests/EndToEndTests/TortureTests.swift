internal import Foundation
internal import HoldfastHarness
internal import Testing

/// A sample of `make torture`, by the same program: one small round of some faults.
@Suite("torture", .serialized)
struct TortureTests {
    @Test(
        "a small round of a fault: no violation, or the line that says what is missing here",
        .timeLimit(.minutes(5)),
        arguments: [
            "stop", "memory", "full-ext4", "power-ext4", "flush-error-ext4", "dead-ext4", "calls",
        ])
    func sample(fault: String) async throws {
        let child = try ChildProcess(
            try BuiltProgram.torture.path, ["--faults", fault, "--rounds", "1", "--small"])
        let exit = await child.exit()
        let line = child.standardOutput.split(separator: "\n").first { $0.hasPrefix(fault) }
        print("torture: \(line ?? "nothing was said")")
        #expect(exit == .code(0), "\(child.output)")
        #expect(
            line?.contains(" 0 violations") == true || line?.contains("not available here") == true,
            "\(child.output)")
    }
}
