/// The first bytes of every payload: which job of this run it is, and when it was sent. So a consumer
/// can tell a lost job from a repeated one, and how long the whole cycle took.
struct JobStamp {
    static let byteCount = 16

    /// Counted from 0 over all producers.
    let number: UInt64
    let sentNanoseconds: UInt64

    init(number: UInt64, sentNanoseconds: UInt64) {
        self.number = number
        self.sentNanoseconds = sentNanoseconds
    }

    /// - Returns: nil where the payload is too short to be one of ours.
    init?(payload: UnsafeRawBufferPointer) {
        guard payload.count >= Self.byteCount else { return nil }
        number = UInt64(littleEndian: payload.loadUnaligned(as: UInt64.self))
        sentNanoseconds = UInt64(
            littleEndian: payload.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
}
