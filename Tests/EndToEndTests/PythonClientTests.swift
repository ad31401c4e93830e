internal import Foundation
internal import HoldfastHarness
internal import Testing

/// A client in another language, written from docs/protocol.md alone, against the real broker.
@Suite("the client in Python")
struct PythonClientTests {
    private static let client = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Clients/holdfast.py").path

    static var isPythonInstalled: Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            access("\($0)/python3", X_OK) == 0
        }
    }

    @Test(
        "enqueues, leases, heartbeats and acks",
        .enabled(if: isPythonInstalled, "python3 is not installed"), .timeLimit(.minutes(3)))
    func drive() async throws {
        let broker = try await BrokerProcess.start()
        let child = try ChildProcess("python3", [Self.client, "drive", broker.address])
        let exit = await child.exit()
        #expect(exit == .code(0), "\(child.output)\n\(broker.log)")
        #expect(child.output.contains("PASS"))
        #expect(!child.output.contains("FAIL"), "\(child.output)")
        #expect(await broker.terminate() == .code(0), "\(broker.log)")
    }

    @Test(
        "S9 the judge of system-call traces finds every planted reply before its sync",
        .enabled(if: isPythonInstalled, "python3 is not installed"), .timeLimit(.minutes(3)))
    func syncProof() async throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../scripts/prove-sync.py").standardizedFileURL.path
        let child = try ChildProcess("python3", [script, "--self-test"])
        #expect(await child.exit() == .code(0), "\(child.output)")
        #expect(child.output.contains("0 judged wrongly"))
    }
}
