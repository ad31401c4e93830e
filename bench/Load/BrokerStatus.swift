internal import HoldfastProtocol
internal import NIOCore

/// The numbers that a broker says of itself at one moment.
struct BrokerStatus {
    private let numbers: [String: UInt64]

    /// Asks over a connection on which nothing is unanswered.
    init(over connection: WireConnection) throws {
        var request = ByteBuffer()
        EmptyFrame.write(.status, correlation: 0, into: &request)
        try connection.send(request)
        let entries = try connection.receive(.status) { try StatusReply(body: $0).entries }
        var numbers: [String: UInt64] = [:]
        for entry in entries {
            if case .number(let number) = entry.value { numbers[entry.name] = number }
        }
        self.numbers = numbers
    }

    /// - Returns: nil where this broker does not say it.
    subscript(name: String) -> UInt64? { numbers[name] }

    /// What a measurement cannot do without.
    func required(_ name: String) throws(BenchFault) -> UInt64 {
        guard let number = numbers[name] else {
            throw BenchFault("this broker's status has no \(name)")
        }
        return number
    }

    /// How much a number has grown since; nil where this broker does not say it.
    func growth(of name: String, since earlier: BrokerStatus) -> UInt64? {
        guard let before = earlier[name], let now = self[name] else { return nil }
        return now &- before
    }
}
