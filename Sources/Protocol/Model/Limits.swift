/// Every maximum that is part of the interface, in one place. The broker announces those that
/// depend on its settings when a connection greets it (`AnnouncedLimits`).
package enum Limits {
    /// A queue's name, a job's kind, a header's name, in UTF-8 bytes.
    package static let nameByteCountMax = 255
    /// A header's value, in bytes.
    package static let headerValueByteCountMax = 4096
    /// All headers of a job as they lie in its content, in bytes.
    package static let headersByteCountMax = 16 * 1024
    package static let headerCountMax = 64
    /// The highest priority; 0 is the lowest and the default.
    package static let priorityMax: UInt8 = 15
    /// A lease is at least one second and at most twelve hours long.
    package static let leaseMillisecondsMin: UInt32 = 1_000
    package static let leaseMillisecondsMax: UInt32 = 12 * 3_600_000
    /// A delay, of an enqueue or of a nack: at most 366 days.
    package static let delayMillisecondsMax: UInt64 = 366 * 86_400_000
    /// A long wait for a job: at most five minutes.
    package static let waitMillisecondsMax: UInt32 = 300_000
    /// Jobs of one enqueue, leases of one request, tokens of one ack.
    package static let itemCountMax = 1_024
    /// A reason or an error's text that comes with a nack or a reject, in bytes.
    package static let reasonByteCountMax = 1_024
    /// A checkpoint that a job saves with a heartbeat, in bytes.
    package static let checkpointByteCountMax = 2_048
    package static let attemptCountMax: UInt32 = 1_000_000
    /// Results that are remembered for each producer, so that an enqueue can be repeated.
    package static let producerResultCount = 1_024
    package static let queueCountMax = 10_000
    /// A payload that lies in the log itself, in bytes, where the segments are large enough for it.
    package static let inlinePayloadByteCountMax = 256 * 1024
    /// A request or a reply with all it carries, in bytes, where the segments are large enough.
    package static let frameByteCountMax = 1 << 20
    /// Requests of one connection that are not answered yet.
    package static let requestsInFlightMax = 1_024
}
