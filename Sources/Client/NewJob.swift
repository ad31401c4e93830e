internal import Foundation
internal import HoldfastCompression
internal import HoldfastModel

/// What an enqueue may ask for a job beside what the queue's policy says.
public struct EnqueueOptions: Hashable, Sendable {
    /// How long the job waits before it can be leased; at most 366 days.
    public var delay: Duration
    /// 0 to 15, higher first.
    public var priority: UInt8
    /// Attempts after which the job goes to dead letter; nil: as the queue's policy says.
    public var maximumAttempts: UInt32?
    /// Names and values that travel with the job, in this order; at most 64, of at most 16 KiB.
    public var headers: [JobHeader]

    public init(
        delay: Duration = .zero, priority: UInt8 = 0, maximumAttempts: UInt32? = nil,
        headers: [JobHeader] = []
    ) {
        self.delay = delay
        self.priority = priority
        self.maximumAttempts = maximumAttempts
        self.headers = headers
    }
}

/// A name and a value that travel with a job.
public struct JobHeader: Hashable, Sendable {
    /// 1 to 255 bytes without control characters.
    public var name: String
    /// At most 4,096 bytes.
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A job that is about to be enqueued.
public struct NewJob: Hashable, Sendable {
    /// By which a worker finds the handler; may be empty.
    public var kind: String
    public var payload: [UInt8]
    public var options: EnqueueOptions

    public init(payload: [UInt8], kind: String = "", options: EnqueueOptions = EnqueueOptions()) {
        self.kind = kind
        self.payload = payload
        self.options = options
    }

    /// - Throws: what encoding the parameters as JSON throws.
    public init<Parameters: JobParameters>(
        _ parameters: Parameters, options: EnqueueOptions = EnqueueOptions()
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(
            payload: Array(try encoder.encode(parameters)), kind: Parameters.kind,
            options: options)
    }

    /// Lays out what the broker keeps of the job.
    func content(compressionThreshold: Int?) throws(BrokerClientError) -> [UInt8] {
        guard kind.isEmpty || Name.isValid(kind) else {
            throw BrokerClientError(
                .invalidArgument, "a kind is at most 255 bytes without control characters")
        }
        for header in options.headers {
            guard Name.isValid(header.name) else {
                throw BrokerClientError(
                    .invalidArgument,
                    "a header's name is 1 to 255 bytes without control characters")
            }
            guard header.value.utf8.count <= Limits.headerValueByteCountMax else {
                throw BrokerClientError(
                    .invalidArgument,
                    "the value of the header \(header.name) is longer than "
                        + "\(Limits.headerValueByteCountMax) bytes")
            }
        }
        guard options.headers.count <= Limits.headerCountMax else {
            throw BrokerClientError(
                .invalidArgument, "a job has at most \(Limits.headerCountMax) headers")
        }
        let headers = options.headers.map { (name: $0.name, value: $0.value) }
        return payload.withUnsafeBytes { payload in
            if let compressionThreshold, payload.count >= compressionThreshold,
                let block = LZ4Block.compress(payload)
            {
                return block.withUnsafeBytes {
                    JobContent.bytes(
                        kind: kind.utf8, headers: headers, payload: $0, codec: .lz4,
                        rawByteCount: payload.count)
                }
            }
            return JobContent.bytes(kind: kind.utf8, headers: headers, payload: payload)
        }
    }
}
