internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// btrfs writes a block that is written over to another place, which a full volume cannot give, unless the
/// directory says otherwise. An empty one is made to say so, and the log in it is written in place; a store
/// that was copied into one that does not say so serves, and the operator is told.
struct InPlaceFault: Fault {
    let name = "in-place-btrfs"
    let unit = "stores"
    let countWanted = 2
    let roundSecondsMax = 120

    private static let queue = "in-place"
    /// A part of the warning of `BrokerServer`.
    private static let warning = "on a volume that copies blocks when they are written over"

    func probe() async throws(NotAvailable) {
        try await FileSystemKind.btrfs.probe()
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let kind = FileSystemKind.btrfs
        let directory = try await Image.directory()
        let image = try Image.make(mebibytes: kind.mebibytes, in: directory)
        let volume = try await Volume.mount(kind, over: image, isFresh: true)
        let history = HistoryRecorder()
        var result = RoundResult(count: 2)
        do {
            result.violations += try await fresh("\(volume.mountPoint)/data", history)
            result.violations += try await copied(
                "\(volume.mountPoint)/data", to: "\(volume.mountPoint)/copy", history)
        } catch {
            result.violations.append("\(error)")
        }
        result.violations += HistoryChecker(isDrained: result.violations.isEmpty)
            .complaints(history.events)
        try await volume.unmount()
        return result
    }

    /// A store is made, and opened again.
    private func fresh(_ data: String, _ history: HistoryRecorder) async throws -> [String] {
        var complaints = try await life(on: data, isWarned: false) { broker in
            let client = try RecordingClient(broker, history)
            try client.createQueue(Self.queue)
            // More than a segment.
            for request in 1...8 {
                let jobs = (1...8).map { TestJob("\(request).\($0) \(Self.filling)") }
                guard try client.enqueue(Self.queue, jobs) else {
                    throw TestFault("the volume is full too early")
                }
            }
        }
        complaints += try await life(on: data, isWarned: false) { _ in }
        let log = "\(data)/log"
        let files = try FileManager.default.contentsOfDirectory(atPath: log).map { "\(log)/\($0)" }
        if files.isEmpty { complaints.append("there is no file in \(log)") }
        for path in [data, log] + files where try !CopyOnWrite.isOff(path) {
            complaints.append("\(path) is not written in place")
        }
        return complaints
    }

    /// As from a backup: into a directory of which nobody has asked anything.
    private func copied(
        _ data: String, to copy: String, _ history: HistoryRecorder
    ) async throws -> [String] {
        try await Command.run(["mkdir", "--mode=700", copy])
        try await Command.run(["cp", "-a", "--reflink=never", "\(data)/.", copy])
        guard try !CopyOnWrite.isOff("\(copy)/log") else {
            throw TestFault("cp has copied how the files are written")
        }
        return try await life(on: copy, isWarned: true) { broker in
            let client = try RecordingClient(broker, history)
            try client.consumeReady([Self.queue])
            try client.look([Self.queue])
        }
    }

    /// A broker from start to stop.
    private func life(
        on directory: String, isWarned: Bool,
        _ work: @escaping @Sendable (BrokerProcess) throws -> Void
    ) async throws -> [String] {
        let broker = try await BrokerProcess.start(
            BrokerProcess.Launch(["--segment-mib", "1"]), on: directory)
        do {
            try await onThread { try work(broker) }
        } catch {
            // Before the volume goes.
            await broker.kill()
            throw TestFault("\(error)\n\(broker.logEnd)")
        }
        let exit = await broker.terminate()
        var complaints: [String] = []
        if exit != .code(0) {
            complaints.append("the broker stopped with \(exit)\n\(broker.logEnd)")
        }
        if broker.log.contains(Self.warning) != isWarned {
            complaints.append(
                "the operator was \(isWarned ? "not " : "")warned of copy-on-write in \(directory)\n"
                    + broker.logEnd)
        }
        return complaints
    }

    private static let filling = String(repeating: "x", count: 25_000)
}
