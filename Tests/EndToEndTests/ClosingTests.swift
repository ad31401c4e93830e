internal import HoldfastHarness
internal import Testing

/// "Everything owed and an empty reply are sent, and the broker closes the connection."
@Suite("closing a connection")
struct ClosingTests {
    private static func enqueue(correlation: UInt32, payloadByteCount: Int) -> [UInt8] {
        TestConnection.frame(
            kind: 0x10, correlation: correlation,
            body: BodyWriter.body {
                $0.integer(UInt64(0))
                $0.integer(UInt32(1))
                $0.text8("closing")
                $0.integer(UInt32(8 + payloadByteCount))
                $0.integer(UInt16(0))
                $0.integer(UInt16(0))
                $0.integer(UInt32(0))
                $0.integer(UInt64(0))
                $0.integer(UInt32(0))
                $0.integer(UInt32(payloadByteCount))
                $0.raw([UInt8](repeating: 0x61, count: payloadByteCount))
            })
    }

    @Test(
        "what is owed leaves before the connection ends, with a commit in hand",
        arguments: [
            TestConnection.frame(kind: 0x03, correlation: 9, body: []),
            TestConnection.frame(kind: 0x02, correlation: 9, body: [1]),
        ])
    func owed(last: [UInt8]) async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            // Which request meets a commit in hand is up to the disk: enough tries meet all cases.
            for _ in 0..<40 {
                let connection = try TestConnection(port: broker.port)
                // Large enough to be written by the log writer's thread.
                try connection.write(Self.enqueue(correlation: 7, payloadByteCount: 240_000))
                try connection.write(Self.enqueue(correlation: 8, payloadByteCount: 10) + last)
                var correlations: [UInt32] = []
                while let reply = try connection.next() { correlations.append(reply.correlation) }
                #expect(correlations.sorted() == [7, 8, 9])
            }
        }
        #expect(await broker.terminate() == .code(0))
    }
}
