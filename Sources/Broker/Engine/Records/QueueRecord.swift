internal import HoldfastModel
internal import HoldfastRecords

/// QUEUE: a queue was created, got another policy, or was deleted.
///
/// ```
/// 0 u8  0x8A                                8 u32 visibility timeout in ms
/// 1 u8  flags, 0                           12 u32 attempts at most
/// 2 u8  1 create, 2 alter, 3 delete        16 u32 interruptions at most
/// 3 u8  length of the name                 20 u64 backoff in ms
/// 4 u32 queue                              28 u64 backoff at most in ms
///                                          36 name, UTF-8
/// ```
struct QueueRecord {
    enum Change: UInt8, CaseIterable {
        case create = 1
        case alter = 2
        case delete = 3
    }

    static let fixedByteCount = 36

    let change: Change
    let queue: QueueID
    let policy: QueuePolicy
    let name: UnsafeRawBufferPointer

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount else { throw RecordFault("shorter than its head") }
        let start = body.start
        guard body[1] == 0, let change = Change(rawValue: body[2]) else {
            throw RecordFault("a change that this version does not know")
        }
        self.change = change
        queue = QueueID(rawValue: start.integer(at: 4, as: UInt32.self))
        policy = QueuePolicy(
            visibilityTimeoutMilliseconds: start.integer(at: 8, as: UInt32.self),
            attemptCountMax: start.integer(at: 12, as: UInt32.self),
            interruptionCountMax: start.integer(at: 16, as: UInt32.self),
            backoffMilliseconds: start.integer(at: 20, as: UInt64.self),
            backoffMillisecondsMax: start.integer(at: 28, as: UInt64.self))
        if let fault = policy.fault { throw RecordFault(fault) }
        guard Int(body[3]) == body.count - Self.fixedByteCount else {
            throw RecordFault("its name does not fit its length")
        }
        name = UnsafeRawBufferPointer(
            start: start + Self.fixedByteCount, count: body.count - Self.fixedByteCount)
        guard Name.isValid(name) else { throw RecordFault("a name that is none") }
    }

    static func append(
        _ change: Change, queue: QueueID, policy: QueuePolicy, name: UnsafeRawBufferPointer,
        to batch: RecordBatch
    ) -> LSN {
        batch.append(bodyByteCount: fixedByteCount + name.count, isIndexed: false) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(RecordType.queue.byte, at: 0)
            start.put(UInt8(0), at: 1)
            start.put(change.rawValue, at: 2)
            start.put(UInt8(name.count), at: 3)
            start.put(queue.rawValue, at: 4)
            start.put(policy.visibilityTimeoutMilliseconds, at: 8)
            start.put(policy.attemptCountMax, at: 12)
            start.put(policy.interruptionCountMax, at: 16)
            start.put(policy.backoffMilliseconds, at: 20)
            start.put(policy.backoffMillisecondsMax, at: 28)
            start.put(name, at: fixedByteCount)
        }
    }
}
