internal import Glibc
internal import HoldfastClient
internal import HoldfastConsole

/// Why a command did not do what it was asked, as one sentence that says what to do about it.
struct Failure: Error {
    /// What the process ends with; stable, since scripts depend on it.
    enum Code: Int32, Sendable {
        /// The broker, or the disk, said no. What was refused has had no effect.
        case refused = 1
        /// The command cannot be meant as it was written.
        case usage = 2
        /// No broker answers.
        case unreachable = 3
        /// Bytes on the disk are not what was written.
        case damage = 4
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// - Parameter subject: what was being done or whom it concerns, where that is not plain.
    init(_ error: BrokerClientError, at address: BrokerAddress, subject: String? = nil) {
        let prefix = subject.map { $0 + ": " } ?? ""
        switch error.code {
        case .refused:
            var text = prefix + "refused: " + error.message
            if let retryAfter = error.retryAfter {
                text += "; try again in \(retryAfter)"
            }
            self.init(.refused, text + " (\(error.refusal?.name ?? "refused"))")
        case .invalidArgument:
            self.init(.usage, prefix + error.message)
        case .payloadUnreadable:
            self.init(.refused, prefix + error.message)
        case .connectionLost, .timedOut:
            self.init(
                .unreachable,
                "\(prefix)no answer from the broker at \(address); whether it was done is not "
                    + "known: \(error)")
        case .protocolViolation:
            self.init(
                .unreachable, "\(prefix)what answers at \(address) is no Holdfast broker: \(error)")
        default:
            // What lies below says it in words of its own, which help nobody here.
            let isNamed = error.message.contains(address.description)
            self.init(
                .unreachable,
                "\(prefix)\(error.message)\(isNamed ? "" : " (\(address))"); start the broker, or name another one with --broker "
                    + "HOST:PORT or HOLDFAST_BROKER")
        }
    }

    func end() -> Never {
        Output.writeError("brokerctl: \(Escape.line(message))\n")
        exit(code.rawValue)
    }
}
