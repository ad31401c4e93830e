internal import Foundation
internal import HoldfastHarness

/// The library that fails chosen calls of a broker (Tests/FaultShim), and what it wrote down.
final class CallShim: Sendable {
    struct Call: Hashable, Sendable {
        /// What came of it, beside what was asked.
        enum Fate: String, Sendable {
            /// The shim made it fail.
            case failed
            /// The shim made it move only a part of what was asked for.
            case short
            /// The kernel turned it down; told of writes and syncs only, beside the line of the call itself.
            case error
        }

        let name: String
        /// From 1, each name by itself.
        let number: Int
        /// Below the root.
        let path: String
        let fate: Fate?
        /// When that was, in ns as histories have it.
        let nanoseconds: UInt64?
        /// The kernel's number for the reason of an `error`.
        let code: Int32?

        /// Whether the rule was about it.
        var isHit: Bool { fate == .failed || fate == .short }

        /// Whether nobody knows what is on the disk where the kernel turned this call down: after a write of
        /// the log or a sync, whatever for, unless it could not be done at all, was interrupted, or had no
        /// room, which not every file needs.
        var isFatalError: Bool {
            fate == .error && CallShim.fatalNames.contains(name)
                && ![EINVAL, ENOTSUP, ENOSYS, EINTR, ENOSPC, EDQUOT].contains(code)
        }
    }

    /// A write of the log, and syncs: nothing may go on after one that failed.
    static let fatalNames: Set = [logWriteName, "fdatasync", "fsync"]
    /// Only the log is written so.
    static let logWriteName = "pwritev2"

    private let directory: TemporaryDirectory
    let environment: [String: String]
    private var logPath: String { directory.path(of: "calls") }

    /// - Parameters:
    ///   - root: calls on what is below it count.
    ///   - rule: see faultshim.c; nil: none fails.
    ///   - isCached: nothing can be opened past the page cache.
    ///   - isQuiet: calls of which there is nothing to say are not written down.
    init(
        root: String, rule: String? = nil, isCached: Bool = false, isQuiet: Bool = false
    ) throws {
        directory = try TemporaryDirectory()
        var environment = [
            "LD_PRELOAD": try BuiltProgram.faultshim.path, "FAULTSHIM_ROOT": root,
            "FAULTSHIM_LOG": directory.path(of: "calls"),
        ]
        environment["FAULTSHIM_RULE"] = rule
        if isCached { environment["FAULTSHIM_CACHED"] = "1" }
        if isQuiet { environment["FAULTSHIM_QUIET"] = "1" }
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
            try lines.compactMap { parts in
                guard parts.count >= 3, let number = Int(parts[1]) else { return nil }
                return Call(
                    name: String(parts[0]), number: number, path: String(parts[2]),
                    fate: parts.count > 3 ? Call.Fate(rawValue: String(parts[3])) : nil,
                    nanoseconds: parts.count > 4 ? UInt64(parts[4]) : nil,
                    code: parts.count > 5 ? Int32(parts[5]) : nil)
            }
        }
    }

    /// When the last process that ended by itself, at once and on purpose, did so: by its own account, which
    /// is before the kernel has seen the calls of its other threads to their end.
    var endNanoseconds: UInt64? {
        get throws {
            try lines.last { $0.first == "end" && $0.count == 2 }.flatMap { UInt64($0[1]) }
        }
    }

    /// The words of each line.
    private var lines: [[Substring]] {
        get throws {
            try check()
            return try String(contentsOfFile: logPath, encoding: .utf8).split(separator: "\n")
                .map { $0.split(separator: " ") }
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
