/// Why a request, or one item of it, was refused. A refused request has had no effect.
public enum RefusalCode: UInt16, Hashable, Sendable, CaseIterable {
    /// The frame cannot be read as what it says it is. The broker closes the connection.
    case badRequest = 1
    /// Client and broker have no version of the protocol in common.
    case unsupportedVersion = 2
    /// The request's number means nothing to this broker.
    case unknownRequest = 3
    /// The request asks for something this version of the broker does not do yet.
    case notSupported = 4
    /// The frame is longer than the broker announced. The broker closes the connection.
    case frameTooLarge = 5
    /// The payload is longer than what may lie inline in the log.
    case payloadTooLarge = 6
    /// More jobs, leases or tokens in one request than the broker announced.
    case tooManyItems = 7
    /// More unanswered requests on the connection than the broker announced.
    case tooManyRequests = 8
    /// A name is empty, too long, not UTF-8, or has a control character in it.
    case badName = 9
    /// A number lies outside its bounds; the message names it and them.
    case badArgument = 10
    /// There is no queue of that name.
    case unknownQueue = 11
    /// A queue of that name exists already, with another policy.
    case queueExists = 12
    /// The queue still has jobs, so it cannot be deleted.
    case queueNotEmpty = 13
    /// This store never gave out the job id.
    case unknownJob = 14
    /// This store never gave out the lease token.
    case unknownLease = 15
    /// The lease has ended and the token can no longer be used.
    case leaseLost = 16
    /// The job is done already; nothing was changed.
    case alreadyDone = 17
    /// The job is in a state in which it cannot be asked for this.
    case wrongState = 18
    /// The broker remembers as many producers as it may; try again later.
    case tooManyProducers = 19
    /// A repeated enqueue is older than what is remembered of its producer.
    case sequenceExpired = 20
    /// As many jobs are leased as the broker allows; try again later.
    case tooManyLeases = 21
    /// There are as many queues as the broker allows.
    case tooManyQueues = 22
    /// The broker is stopping; connect again and repeat the request.
    case shuttingDown = 23
    /// The job's record in the log is damaged, and what is asked for can only be read there; nothing
    /// was changed.
    case payloadCorrupt = 24
    /// The store's volume is full, up to the reserve in which the jobs that are there are brought to
    /// their end; try again later.
    case storageFull = 25

    /// The code's name as it is written in documents, tables and JSON, in snake case.
    public var name: String {
        var text = ""
        for character in "\(self)" {
            if character.isUppercase {
                text += "_" + character.lowercased()
            } else {
                text.append(character)
            }
        }
        return text
    }

    /// Whether the same request may succeed later without any change.
    public var isWorthRetrying: Bool {
        switch self {
        case .tooManyRequests, .tooManyProducers, .tooManyLeases, .shuttingDown,
            .storageFull:
            true
        default: false
        }
    }
}
