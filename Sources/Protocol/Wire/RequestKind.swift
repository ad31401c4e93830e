/// What a client may ask. The numbers are part of the protocol.
@usableFromInline
package enum RequestKind: UInt8, Hashable, Sendable, CaseIterable {
    case hello = 0x01
    case ping = 0x02
    case goodbye = 0x03

    case enqueue = 0x10
    case lease = 0x11
    case ack = 0x12
    case ackLease = 0x13
    case nack = 0x14
    case release = 0x15
    case reject = 0x16
    case extend = 0x17
    case heartbeat = 0x18
    case cancelWait = 0x19

    case jobShow = 0x20
    case jobList = 0x21
    case jobCancel = 0x22
    case redrive = 0x23

    case queueCreate = 0x30
    case queueSet = 0x31
    case queueDelete = 0x32
    case queueList = 0x33
    case queueShow = 0x34

    case status = 0x40
}

/// What a broker may answer: the request's number with the highest bit set, or a refusal.
package enum ReplyKind: RawRepresentable, Hashable, Sendable {
    case answer(RequestKind)
    case refusal

    package init?(rawValue: UInt8) {
        if rawValue == 0xFF {
            self = .refusal
        } else if rawValue & 0x80 != 0, let request = RequestKind(rawValue: rawValue & 0x7F) {
            self = .answer(request)
        } else {
            return nil
        }
    }

    package var rawValue: UInt8 {
        switch self {
        case .answer(let request): request.rawValue | 0x80
        case .refusal: 0xFF
        }
    }
}
