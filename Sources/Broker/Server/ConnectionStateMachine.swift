package import HoldfastModel

/// What a connection may do next: greet first, then ask, never more at once than announced.
package struct ConnectionStateMachine {
    private enum State {
        case ungreeted
        case greeted
        /// The last reply is on its way; nothing more is read.
        case closing
    }

    private var state = State.ungreeted
    /// Requests that are not answered yet, refusals on their way included.
    package private(set) var inFlightCount = 0

    package init() {}

    package var isGreeted: Bool { state != .ungreeted }
    package var isClosing: Bool { state == .closing }

    package enum Admission {
        case execute
        /// Answered without being looked at; `closing` where the connection cannot go on.
        case refuse(RefusalCode, String, closing: Bool)
    }

    /// A request has come in.
    package mutating func received(isGreeting: Bool, inFlightMax: Int) -> Admission {
        inFlightCount += 1
        switch state {
        case .ungreeted where isGreeting:
            state = .greeted
            return .execute
        case .ungreeted:
            return .refuse(
                .badRequest, "the first request of a connection must be a greeting", closing: true)
        case .greeted where isGreeting:
            return .refuse(.badRequest, "this connection has greeted already", closing: true)
        case .greeted where inFlightCount > inFlightMax:
            return .refuse(
                .tooManyRequests,
                "more than \(inFlightMax) requests are unanswered: wait for replies",
                closing: false)
        case .greeted, .closing:
            return .execute
        }
    }

    /// The greeting was refused; another may follow.
    package mutating func greetingFailed() {
        if state == .greeted { state = .ungreeted }
    }

    /// Bytes came in that are no request; they are answered nevertheless.
    package mutating func receivedUnreadable() {
        inFlightCount += 1
    }

    /// Replies have left.
    package mutating func answered(_ count: Int) {
        inFlightCount -= count
    }

    /// Nothing more is read; the connection closes once what is held has left.
    package mutating func close() {
        state = .closing
    }
}
