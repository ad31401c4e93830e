package import HoldfastProtocol
package import NIOCore

/// One request of a client from its submission to its completion.
package struct ClientRequest: Sendable {
    /// Names the request within its client; rises in the order of submission.
    package let ticket: UInt64
    package let kind: RequestKind
    /// Whether it is sent again after the connection broke before its answer came: because it
    /// does no harm twice, or because the broker knows it again by producer and sequence.
    package let isRepeatable: Bool
    package let deadline: NIODeadline
    /// As encoded, with correlation and sequence 0 until the request is first sent.
    package var frame: ByteBuffer
    /// 0 until the request is first sent.
    package var correlation: UInt32 = 0
    /// Called once, with the reply's body.
    package let complete: @Sendable (Result<ByteBuffer, BrokerClientError>) -> Void

    package init(
        ticket: UInt64, kind: RequestKind, isRepeatable: Bool, deadline: NIODeadline,
        frame: ByteBuffer,
        complete: @escaping @Sendable (Result<ByteBuffer, BrokerClientError>) -> Void
    ) {
        self.ticket = ticket
        self.kind = kind
        self.isRepeatable = isRepeatable
        self.deadline = deadline
        self.frame = frame
        self.complete = complete
    }

    mutating func setCorrelation(_ correlation: UInt32) {
        self.correlation = correlation
        frame.setInteger(correlation, at: frame.readerIndex + 8, endianness: .little)
    }

    /// Of an ENQUEUE, where the sequence opens the body.
    mutating func setSequence(_ sequence: UInt64) {
        frame.setInteger(
            sequence, at: frame.readerIndex + FrameFormat.headerByteCount, endianness: .little)
    }
}
