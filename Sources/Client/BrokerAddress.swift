/// Where a broker listens.
///
/// As text `HOST:PORT`, `HOST` or `:PORT`; an IPv6 address with a port stands in brackets.
public struct BrokerAddress: Hashable, Sendable, LosslessStringConvertible {
    public static let defaultHost = "127.0.0.1"
    public static let defaultPort = 7433

    public var host: String
    public var port: Int

    public init(host: String = defaultHost, port: Int = defaultPort) {
        self.host = host
        self.port = port
    }

    /// - Returns: nil where the port is not 1 to 65535 or a bracket is missing.
    public init?(_ description: String) {
        var host = Substring(description)
        var port = String(Self.defaultPort)
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = String(rest.dropFirst())
            }
        } else if let colon = host.firstIndex(of: ":"), colon == host.lastIndex(of: ":") {
            port = String(host[host.index(after: colon)...])
            host = host[..<colon]
        }
        guard let number = Int(port), (1...65_535).contains(number) else { return nil }
        self.init(host: host.isEmpty ? Self.defaultHost : String(host), port: number)
    }

    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
