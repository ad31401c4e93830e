internal import Glibc
internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// One connection whose calls wait: for measurements that do one thing after another.
///
/// Belongs to one thread.
final class WireConnection {
    /// After so long without an answer the measurement is given up.
    private static let patienceSeconds = 600

    private let descriptor: Int32
    private var received = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 256 << 10, alignment: 16)
    private var unread = 0..<0

    /// Takes a connected socket over.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        var one: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one,
            socklen_t(MemoryLayout<Int32>.size))
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Connects to a broker that listens, and greets it.
    static func open(port: Int) throws -> (WireConnection, AnnouncedLimits) {
        guard let descriptor = LoopbackPort.connect(to: port) else {
            throw BenchFault("cannot connect to port \(port): \(errnoText())")
        }
        let connection = WireConnection(descriptor: descriptor)
        var greeting = ByteBuffer()
        HelloRequest.write(
            correlation: 0, producer: nil, clientName: "bench", into: &greeting)
        try connection.send(greeting)
        return (connection, try connection.receive(.hello) { try HelloReply(body: $0).limits })
    }

    deinit {
        close(descriptor)
        received.deallocate()
    }

    func send(_ buffer: ByteBuffer) throws {
        try buffer.withUnsafeReadableBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let sent = Glibc.send(
                    descriptor, bytes.baseAddress! + offset, bytes.count - offset,
                    Int32(MSG_NOSIGNAL))
                if sent < 0, errno == EINTR { continue }
                guard sent > 0 else { throw BenchFault("cannot send: \(errnoText())") }
                offset += sent
            }
        }
    }

    /// Waits for the next reply, whatever it answers. Its body is valid during the call.
    func receive<Result>(
        _ body: (FrameHeader, UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        while true {
            let bytes = UnsafeRawBufferPointer(rebasing: received[unread])
            if let header = try FrameHeader.parse(bytes, lengthMax: 64 << 20) {
                if bytes.count >= header.frameByteCount {
                    unread = unread.lowerBound + header.frameByteCount..<unread.upperBound
                    return try body(header, header.body(of: bytes))
                }
                makeRoom(for: header.frameByteCount)
            } else {
                makeRoom(for: FrameFormat.headerByteCount)
            }
            try fill()
        }
    }

    /// Waits for the next reply, which must answer `kind`.
    func receive<Result>(
        _ kind: RequestKind, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try receive { header, bytes in
            switch try header.replyKind() {
            case .answer(kind): return try body(bytes)
            case .answer: throw BenchFault("an answer to nothing that was asked")
            case .refusal: throw BenchFault("refused: \(try RefusalReply(body: bytes).message)")
            }
        }
    }

    private func makeRoom(for byteCount: Int) {
        guard unread.lowerBound + byteCount > received.count else { return }
        let room =
            byteCount <= received.count
            ? received
            : UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * byteCount, alignment: 16)
        memmove(room.baseAddress!, received.baseAddress! + unread.lowerBound, unread.count)
        if room.baseAddress != received.baseAddress { received.deallocate() }
        received = room
        unread = 0..<unread.count
    }

    private func fill() throws {
        while true {
            let count = recv(
                descriptor, received.baseAddress! + unread.upperBound,
                received.count - unread.upperBound, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw BenchFault("cannot receive: \(errnoText())") }
            guard count > 0 else { throw BenchFault("the broker closed the connection") }
            unread = unread.lowerBound..<unread.upperBound + count
            return
        }
    }
}
