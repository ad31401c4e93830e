internal import Glibc

/// Ports of 127.0.0.1, and connections to them.
enum LoopbackPort {
    /// Below those that Linux gives to outgoing connections: nobody's connection takes the port while
    /// the broker is down, and none of those that are tried meanwhile connects to itself.
    private static let candidates = 15_000..<32_000

    /// One that nobody listens on at the moment.
    static func free() throws(BenchFault) -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: candidates)
            let descriptor = newSocket()
            defer { close(descriptor) }
            let isFree = withAddress(of: port) { bind(descriptor, $0, $1) == 0 }
            if isFree { return port }
        }
        throw BenchFault("no free port: \(errnoText())")
    }

    /// - Returns: the descriptor of a connection; nil where nobody listens.
    static func connect(to port: Int) -> Int32? {
        let descriptor = newSocket()
        guard descriptor >= 0 else { return nil }
        guard withAddress(of: port, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Not for brokers that are started to inherit.
    private static func newSocket() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func withAddress<Result>(
        of port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
