public import HoldfastModel
internal import HoldfastProtocol

/// Why something that was asked of a broker, or of the client, did not happen.
public struct BrokerClientError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String, Sendable {
            case refused, unreachable, connectionLost, timedOut, closed, protocolViolation
            case invalidArgument, payloadUnreadable
        }

        private let name: Name

        /// The broker refused: `refusal` says why. Nothing was changed.
        public static let refused = Code(name: .refused)
        /// There is no connection to the broker. Nothing was sent.
        public static let unreachable = Code(name: .unreachable)
        /// The connection broke before the answer came: the request may or may not have been
        /// executed.
        public static let connectionLost = Code(name: .connectionLost)
        /// No answer within the time the configuration allows: the request may or may not have
        /// been executed.
        public static let timedOut = Code(name: .timedOut)
        /// The client has been closed.
        public static let closed = Code(name: .closed)
        /// What the broker sent cannot be read; the client closed the connection.
        public static let protocolViolation = Code(name: .protocolViolation)
        /// The request breaks a rule that the client can see without the broker.
        public static let invalidArgument = Code(name: .invalidArgument)
        /// A job's payload does not decompress to what it says it is.
        public static let payloadUnreadable = Code(name: .payloadUnreadable)

        public var description: String { name.rawValue }
    }

    public let code: Code
    /// A sentence for people, from the broker where it refused.
    public let message: String
    /// Why the broker refused; nil for every other code.
    public let refusal: RefusalCode?
    /// When the broker suggests to ask again; nil where it does not say.
    public let retryAfter: Duration?
    /// What caused it, where something else did.
    public let cause: (any Error)?

    package init(
        _ code: Code, _ message: String, refusal: RefusalCode? = nil, retryAfter: Duration? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.refusal = refusal
        self.retryAfter = retryAfter
        self.cause = cause
    }

    init(_ reply: RefusalReply) {
        self.init(
            .refused, reply.message, refusal: reply.code,
            retryAfter: reply.retryAfterMilliseconds == 0
                ? nil : .milliseconds(reply.retryAfterMilliseconds))
    }

    /// Of one item among many.
    init(_ refusal: RefusalCode, item: String) {
        self.init(.refused, "\(item): \(refusal.name)", refusal: refusal)
    }

    init(_ fault: WireFault) {
        self.init(
            .protocolViolation, "the broker's answer cannot be read: \(fault.message)",
            cause: fault)
    }

    /// Whether the same request may succeed later without any change. Where the code is
    /// `connectionLost` or `timedOut` it may then be executed twice.
    public var isWorthRetrying: Bool {
        switch code {
        case .refused: refusal?.isWorthRetrying ?? false
        case .unreachable, .connectionLost, .timedOut: true
        default: false
        }
    }

    public var description: String {
        var text = message
        if let refusal { text += " (\(refusal.name))" }
        if let cause, !(cause is WireFault) { text += ": \(cause)" }
        return text
    }
}
