/// A `HistoryEvent` in 88 bytes: what a file holds and what is sorted. `docs/history-format.md` draws
/// it; the fields stand in memory as they stand in the file.
struct EventRecord: BitwiseCopyable, Sendable {
    static let byteCount = 88

    enum Kind: UInt8 {
        case enqueue = 1
        case deliver = 2
        case ack = 3
        case release = 4
        case nack = 5
        case reject = 6
        case extend = 7
        case cancel = 8
        case look = 9
        case ask = 10
        case fault = 11
        /// No event: the bytes that follow are the next name.
        case name = 255
    }

    private static let hasKey: UInt8 = 1

    // In all fields of 64 and 32 bits that may be unknown, all ones say so.
    var job = UInt64.max
    var invoked: UInt64 = 0
    var responded = UInt64.max
    var content: UInt64 = 0
    var key: UInt64 = 0
    var delayMilliseconds = UInt64.max
    var request = UInt64.max
    var client: UInt32 = 0
    var version: UInt32 = 0
    /// An enqueue's `attemptCountMax`, a delivery's `attempt`, the bytes of a name.
    var number: UInt32 = 0
    var durationMilliseconds: UInt32 = 0
    /// The queue, the state that was found, or the fault, as the number of a name.
    var name = UInt32.max
    var refusal = UInt32.max
    var position = UInt32.max
    var kind: UInt8 = 0
    var outcome: UInt8 = 0
    var priority = UInt8.max
    private var flags: UInt8 = 0

    private init(kind: Kind) { self.kind = kind.rawValue }

    /// The record that says how many bytes of a name follow.
    static func name(byteCount: Int) -> EventRecord {
        var record = EventRecord(kind: .name)
        record.number = UInt32(byteCount)
        return record
    }

    /// When it was over, or begun where it never was.
    var lastMoment: UInt64 { responded == .max ? invoked : max(invoked, responded) }

    var hasKey: Bool { flags & Self.hasKey != 0 }

    var isOk: Bool { outcome == 0 }
    var isRefused: Bool { outcome == 1 }
    var isUnknown: Bool { outcome == 2 }

    // MARK: From an event

    /// - Parameter number: gives the number of a name.
    init(_ event: HistoryEvent, _ number: (String) -> UInt32) {
        job = event.job ?? .max
        invoked = event.invoked
        responded = event.responded ?? .max
        request = event.request ?? .max
        client = event.client
        position = event.position ?? .max
        priority = event.priority ?? .max
        refusal = event.refusal.map(number) ?? .max
        switch event.outcome {
        case .ok: outcome = 0
        case .err: outcome = 1
        case .unknown: outcome = 2
        }
        set(event.operation, number)
    }

    private mutating func set(
        _ operation: HistoryEvent.Operation, _ number: (String) -> UInt32
    ) {
        func set(_ kind: Kind, _ lease: HistoryEvent.Lease) {
            self.kind = kind.rawValue
            version = lease.version
        }
        switch operation {
        case .enqueue(_, let queue, let content, let delay, let attempts, let key):
            kind = Kind.enqueue.rawValue
            name = number(queue)
            self.content = content
            delayMilliseconds = delay
            self.number = attempts
            if let key {
                self.key = key
                flags |= Self.hasKey
            }
        case .deliver(let lease, let queue, let content, let attempt, let duration):
            set(.deliver, lease)
            name = number(queue)
            self.content = content
            self.number = attempt
            durationMilliseconds = duration
        case .ack(let lease): set(.ack, lease)
        case .release(let lease): set(.release, lease)
        case .nack(let lease, let delay):
            set(.nack, lease)
            delayMilliseconds = delay ?? .max
        case .reject(let lease): set(.reject, lease)
        case .extend(let lease, let duration):
            set(.extend, lease)
            durationMilliseconds = duration
        case .cancel: kind = Kind.cancel.rawValue
        case .look(_, let state):
            kind = Kind.look.rawValue
            name = number(state)
        case .ask(let queue, let wait):
            kind = Kind.ask.rawValue
            name = number(queue)
            durationMilliseconds = wait
        case .fault(let fault):
            kind = Kind.fault.rawValue
            name = number(fault.rawValue)
        }
    }

    /// Whether it stands for an event, where so many names are known: only a damaged file has others.
    func isSound(nameCount: Int) -> Bool {
        guard let kind = Kind(rawValue: kind), outcome <= 2,
            refusal == .max || refusal < UInt32(nameCount),
            // Far from where sums of them would overflow.
            invoked < 1 << 62, responded < 1 << 62 || responded == .max,
            delayMilliseconds < 1 << 42 || delayMilliseconds == .max && kind != .enqueue
        else { return false }
        switch kind {
        case .enqueue, .deliver, .look, .ask, .fault: return name < UInt32(nameCount)
        case .name: return false
        default: return true
        }
    }

    // MARK: To an event

    /// - Returns: nil where the record is none: only where it came from a file that is damaged.
    func event(_ names: HistoryNames) -> HistoryEvent? {
        guard let operation = operation(names), outcome <= 2,
            refusal == .max || names.name(refusal) != nil
        else { return nil }
        return HistoryEvent(
            client: client, invoked: invoked, responded: responded == .max ? nil : responded,
            outcome: isOk ? .ok : isRefused ? .err : .unknown, operation: operation,
            request: request == .max ? nil : request, position: position == .max ? nil : position,
            priority: priority == .max ? nil : priority, refusal: names.name(refusal))
    }

    private func operation(_ names: HistoryNames) -> HistoryEvent.Operation? {
        guard let kind = Kind(rawValue: kind) else { return nil }
        let name = names.name(name)
        let lease = HistoryEvent.Lease(job: job, version: version)
        switch kind {
        case .enqueue:
            return name.map {
                .enqueue(
                    job: job == .max ? nil : job, queue: $0, content: content,
                    delayMilliseconds: delayMilliseconds, attemptCountMax: number,
                    key: hasKey ? key : nil)
            }
        case .deliver:
            return name.map {
                .deliver(
                    lease, queue: $0, content: content, attempt: number,
                    durationMilliseconds: durationMilliseconds)
            }
        case .ack: return .ack(lease)
        case .release: return .release(lease)
        case .nack:
            return .nack(
                lease, delayMilliseconds: delayMilliseconds == .max ? nil : delayMilliseconds)
        case .reject: return .reject(lease)
        case .extend: return .extend(lease, durationMilliseconds: durationMilliseconds)
        case .cancel: return .cancel(job: job)
        case .look: return name.map { .look(job: job, state: $0) }
        case .ask: return name.map { .ask(queue: $0, waitMilliseconds: durationMilliseconds) }
        case .fault: return name.flatMap { HistoryFault(rawValue: $0) }.map { .fault($0) }
        case .name: return nil
        }
    }
}
