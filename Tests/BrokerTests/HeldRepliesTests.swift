internal import HoldfastBroker
internal import NIOCore
internal import Testing

@Suite struct HeldRepliesTests {
    @Test("what is said after the seal does not leave with it")
    func sealing() {
        var replies = HeldReplies(allocator: ByteBufferAllocator())
        var sent: [(text: String, count: Int)] = []
        func release() {
            replies.release(
                isOpen: true,
                send: { bytes, count in sent.append((String(buffer: bytes), count)) },
                takeBack: { _ in Issue.record("nothing was delivered") })
        }
        replies.gathering.writeString("first")
        replies.gatheringCount = 1
        replies.seal()
        replies.gathering.writeString("second")
        replies.gatheringCount = 1
        release()
        #expect(sent.map(\.text) == ["first"])
        release()
        #expect(sent.count == 1)
        replies.gathering.writeString("+third")
        replies.gatheringCount += 1
        replies.seal()
        release()
        #expect(sent.map(\.text) == ["first", "second+third"])
        #expect(sent.map(\.count) == [1, 2])
        #expect(replies.byteCount == 0)
    }

    @Test("deliveries whose connection is gone are taken back, once")
    func takingBack() {
        var replies = HeldReplies(allocator: ByteBufferAllocator())
        var back: [UInt64] = []
        replies.gathering.writeString("jobs")
        replies.gatheringCount = 1
        replies.deliveriesGathering.append(.init(lsn: 7, version: 1))
        replies.seal()
        for _ in 0..<2 {
            replies.release(
                isOpen: false, send: { _, _ in Issue.record("nobody is there") },
                takeBack: { back.append($0.lsn) })
        }
        #expect(back == [7])
    }
}
