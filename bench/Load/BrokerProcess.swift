internal import Foundation

/// A broker of one's own on a fresh directory and a free port of the loopback, which ends with the
/// measurement. Its directory lies where `TMPDIR` says, or below /tmp.
final class BrokerProcess {
    let host = "127.0.0.1"
    let port: Int
    let directory: String
    var identifier: Int32 { process.processIdentifier }

    private let process = Process()

    /// Starts the `broker` that lies beside this program and waits until it accepts connections.
    init() throws {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array((parent + "/holdfast-bench-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchFault("cannot create a directory in \(parent): \(errnoText())")
        }
        directory = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        port = try Self.freePort()
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = own.deletingLastPathComponent().appendingPathComponent("broker")
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw BenchFault("there is no broker beside this program: \(program.path)")
        }
        process.executableURL = program
        process.arguments = [
            "--data-dir", directory + "/data", "--listen", "\(host):\(port)", "--log-level",
            "error",
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        while !isListening {
            guard process.isRunning else {
                throw BenchFault("the broker ended with \(process.terminationStatus) at its start")
            }
            usleep(5_000)
        }
    }

    /// Stops the broker, cleanly, and removes its directory.
    ///
    /// - Returns: its exit status.
    func stop() -> Int32 {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: directory)
        return process.terminationStatus
    }

    private var isListening: Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = Self.loopback(port: port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, byteCount) == 0
                    && getsockname(descriptor, $0, &byteCount) == 0
            }
        }
        guard result else { throw BenchFault("no free port: \(errnoText())") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return address
    }
}
