internal import HoldfastHarness
internal import Synchronization

/// Runs a program of the system, with a hard limit of time.
enum Command {
    private static let secondsMax = 60

    /// - Returns: what it wrote to standard output.
    /// - Throws: `TestFault` where it does not end with 0, or not in time.
    @discardableResult
    static func run(
        _ command: [String], environment: [String: String] = [:]
    ) async throws -> String {
        let child = try ChildProcess(
            "timeout", ["--signal=KILL", "\(secondsMax)"] + command, environment: environment)
        let exit = await child.exit()
        guard exit == .code(0) else {
            let error = child.standardError.split(separator: "\n").joined(separator: "; ")
            throw TestFault("\(command.joined(separator: " ")) ended with \(exit): \(error)")
        }
        return child.standardOutput
    }

    /// The same, where a failure says that something is not available here.
    static func probe(_ command: [String]) async throws(NotAvailable) -> String {
        do {
            return try await run(command)
        } catch {
            throw NotAvailable("\(error)")
        }
    }
}

/// A count that several tasks add to.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add(_ more: Int = 1) {
        count.add(more, ordering: .relaxed)
    }
}
