internal import Foundation
internal import HoldfastHarness

/// The library that fails chosen calls of a broker (Tests/FaultShim), and what it wrote down.
final class CallShim: Sendable {
    struct Call: Hashable, Sendable {
        let name: String
        /// From 1, each name by itself.
        let number: Int
        /// Below the root.
        let path: String
        let isFailed: Bool
        /// When it was made to fail, in ns as histories have it.
        let nanoseconds: UInt64?
    }

    private let directory: TemporaryDirectory
    let environment: [String: String]
    private var logPath: String { directory.path(of: "calls") }

    /// - Parameters:
    ///   - root: calls on what is below it count.
    ///   - rule: see faultshim.c; nil: none fails.
    ///   - isCached: nothing can be opened past the page cache.
    init(root: String, rule: String? = nil, isCached: Bool = false) throws {
        directory = try TemporaryDirectory()
        var environment = [
            "LD_PRELOAD": try BuiltProgram.faultshim.path, "FAULTSHIM_ROOT": root,
            "FAULTSHIM_LOG": directory.path(of: "calls"),
        ]
        environment["FAULTSHIM_RULE"] = rule
        if isCached { environment["FAULTSHIM_CACHED"] = "1" }
        self.environment = environment
    }

    /// - Throws: where the broker that was started with it did not load it: nothing was tested then.
    func check() throws {
        guard isLoaded else {
            throw TestFault("the shim was not loaded: is the broker linked statically?")
        }
    }

    private var isLoaded: Bool {
        (try? String(contentsOfFile: logPath, encoding: .utf8))?.hasPrefix("loaded\n") == true
    }

    var calls: [Call] {
        get throws {
            try check()
            return try String(contentsOfFile: logPath, encoding: .utf8).split(separator: "\n")
                .compactMap { line in
                    let parts = line.split(separator: " ")
                    guard parts.count >= 3, let number = Int(parts[1]) else { return nil }
                    return Call(
                        name: String(parts[0]), number: number, path: String(parts[2]),
                        isFailed: parts.count > 3,
                        nanoseconds: parts.count > 4 ? UInt64(parts[4]) : nil)
                }
        }
    }

    /// Whether a program of the system's can be started with the shim here. One that is no library at all
    /// is not refused by this machine: that is left to the rehearsal.
    static func probe() async throws(NotAvailable) {
        guard let directory = try? TemporaryDirectory(),
            let shim = try? CallShim(root: directory.path), (try? load()) != nil,
            let program = try? ChildProcess("true", [], environment: shim.environment)
        else { return }
        _ = await program.exit()
        guard shim.isLoaded else {
            throw NotAvailable("LD_PRELOAD has no effect on a program of the system's")
        }
    }

    /// The broker loads the shim, and its calls are counted.
    static func rehearse() async throws {
        try load()
        let directory = try TemporaryDirectory()
        let shim = try CallShim(root: directory.path)
        let broker = try await BrokerProcess.start(
            BrokerProcess.Launch(["--segment-mib", "1"], environment: shim.environment),
            on: directory.path(of: "data"))
        let exit = await broker.terminate()
        guard exit == .code(0) else {
            throw TestFault("with the shim, the broker stopped with \(exit)\n\(broker.logEnd)")
        }
        guard try shim.calls.contains(where: { $0.name == "pwritev2" }) else {
            throw TestFault("the shim saw no write of the log")
        }
    }

    /// Loads the shim into this process, none of whose calls it takes over, and lets it go again.
    private static func load() throws {
        guard let library = dlopen(try BuiltProgram.faultshim.path, RTLD_NOW | RTLD_LOCAL) else {
            throw TestFault(
                "the shim is no library: \(dlerror().map { String(cString: $0) } ?? "")")
        }
        dlclose(library)
    }
}
