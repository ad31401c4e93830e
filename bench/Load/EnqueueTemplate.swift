internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// An ENQUEUE laid out once; sending it means copying it and filling in correlation and stamps.
struct EnqueueTemplate {
    private let frame: ByteBuffer
    private let stampOffsets: [Int]
    let jobCount: Int

    init(queue: String, jobCount: Int, payloadByteCount: Int) {
        var buffer = ByteBuffer()
        var offsets: [Int] = []
        // Letters, not zeros, so that nobody's compression makes the disk look quick.
        var random = SplitMix64(state: 42)
        let payload = (0..<payloadByteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let content = payload.withUnsafeBytes {
            JobContent.bytes(kind: [], headers: [], payload: $0)
        }
        var writer = EnqueueWriter(correlation: 0, sequence: 0, queue: queue, into: &buffer)
        for _ in 0..<jobCount {
            content.withUnsafeBytes { writer.append(content: $0, into: &buffer) }
            offsets.append(buffer.writerIndex - payloadByteCount)
        }
        writer.finish(in: &buffer)
        frame = buffer
        stampOffsets = offsets
        self.jobCount = jobCount
    }

    var byteCount: Int { frame.readableBytes }

    func write(
        correlation: UInt32, firstNumber: UInt64, sentNanoseconds: UInt64,
        into buffer: inout ByteBuffer
    ) {
        let start = buffer.writerIndex
        buffer.writeImmutableBuffer(frame)
        buffer.setInteger(correlation, at: start + 8, endianness: .little)
        for (index, offset) in stampOffsets.enumerated() {
            buffer.setInteger(
                firstNumber + UInt64(index), at: start + offset, endianness: .little)
            buffer.setInteger(sentNanoseconds, at: start + offset + 8, endianness: .little)
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014): the
/// same bytes in every run.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
