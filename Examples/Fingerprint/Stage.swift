internal import Glibc
internal import HoldfastClient

/// The processes of a demonstration: a broker and its workers, on a fresh directory.
actor Stage {
    let address: BrokerAddress
    let directory: ScratchDirectory
    private let programs: String
    private var broker: ChildProcess?
    private var workers: [WorkerProcess] = []

    /// - Throws: where the broker is not beside this program.
    init() throws {
        programs = try Self.ownDirectory()
        guard access(programs + "/broker", X_OK) == 0 else {
            throw FingerprintFault("there is no broker in \(programs): make build")
        }
        directory = try ScratchDirectory()
        address = BrokerAddress(port: try Self.freePort())
    }

    var dataDirectory: String { directory.path + "/data" }

    // MARK: The broker

    func startBroker() throws {
        broker = try ChildProcess(
            programs + "/broker",
            // Small segments, so that a run of some thousand jobs goes through several of them.
            [
                "--data-dir", dataDirectory, "--listen", address.description, "--segment-mib", "1",
            ],
            output: .file(directory.path + "/broker.log"), errors: directory.path + "/broker.log")
    }

    /// SIGKILL: no time for anything.
    func killBroker() {
        broker?.signal(SIGKILL)
        broker?.wait()
    }

    /// What the broker said last, for a person to read.
    func lastWordsOfBroker() -> String {
        guard let file = fopen(directory.path + "/broker.log", "re") else { return "" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        var last = ""
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.contains(where: { !$0.isWhitespace }) { last = text }
        }
        return String(last.reversed().drop(while: \.isWhitespace).reversed())
    }

    func stopBroker() -> ChildProcess.End? {
        broker?.signal(SIGTERM)
        return broker?.wait()
    }

    // MARK: The workers

    func startWorkers(_ count: Int) throws {
        for _ in 0..<count {
            workers.append(
                WorkerProcess(
                    try ChildProcess(
                        programs + "/fingerprint",
                        ["work", "--broker", address.description, "--report-leases"], output: .pipe,
                        errors: directory.path + "/workers.log")))
        }
    }

    /// Leases that the workers are working at right now, as far as they have said so.
    func openLeaseCount() -> Int {
        workers.indices.reduce(0) { $0 + workers[$1].openLeaseCount() }
    }

    /// Kills one worker that certainly holds a lease: freezes one after the other and looks whether
    /// it has said that it began a job and not that it ended it.
    ///
    /// - Returns: how many leases it held; nil where none of them held one just now.
    func killWorkerWithLease() -> Int? {
        for index in workers.indices where workers[index].process.isRunning {
            guard workers[index].process.freeze() else { continue }
            let count = workers[index].openLeaseCount()
            if count > 0 {
                workers[index].process.signal(SIGKILL)
                workers[index].process.wait()
                workers.remove(at: index)
                return count
            }
            workers[index].process.signal(SIGCONT)
        }
        return nil
    }

    /// - Returns: a sentence for each worker that did not stop as it should.
    func stopWorkers() -> [String] {
        for worker in workers { worker.process.signal(SIGTERM) }
        defer { workers = [] }
        return workers.compactMap { worker in
            let end = worker.process.wait()
            return end == .exited(0) ? nil : "worker \(worker.process.identifier) \(end)"
        }
    }

    /// Ends whatever is left, without asking.
    func clear() {
        for worker in workers { worker.process.signal(SIGKILL) }
        for worker in workers { worker.process.wait() }
        workers = []
        broker?.signal(SIGKILL)
        broker?.wait()
    }

    // MARK: Surroundings

    private static func ownDirectory() throws -> String {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0 else { throw FingerprintFault("/proc/self/exe cannot be read") }
        let own = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, byteCount) == 0
                    && getsockname(descriptor, $0, &byteCount) == 0
            }
        }
        guard isBound else { throw FingerprintFault("there is no free port on the loopback") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// A worker's process and what it says of its leases: `+` for one begun, `-` for one ended, in that
/// order around each job, so that what is open certainly is.
struct WorkerProcess {
    let process: ChildProcess
    private var openCount = 0

    init(_ process: ChildProcess) {
        self.process = process
    }

    mutating func openLeaseCount() -> Int {
        for byte in process.takeOutput() {
            if byte == UInt8(ascii: "+") { openCount += 1 }
            if byte == UInt8(ascii: "-") { openCount -= 1 }
        }
        return openCount
    }
}
