import HoldfastClient
import Testing

@Suite struct ValueTests {
    @Test(
        "a broker's address is read as it is written",
        arguments: [
            ("127.0.0.1:7433", "127.0.0.1", 7433), ("broker.example:1", "broker.example", 1),
            ("broker.example", "broker.example", 7433), (":9000", "127.0.0.1", 9000),
            ("[::1]:80", "::1", 80), ("[::1]", "::1", 7433), ("::1", "::1", 7433),
        ])
    func address(text: String, host: String, port: Int) throws {
        let address = try #require(BrokerAddress(text))
        #expect(address.host == host && address.port == port)
        #expect(BrokerAddress(address.description) == address)
    }

    @Test(
        "what is no address is none", arguments: ["a:0", "a:65536", "a:", "a:b", "[::1", "[::1]9"])
    func noAddress(text: String) {
        #expect(BrokerAddress(text) == nil)
    }

    @Test("pauses double up to the longest, each drawn from its upper half")
    func backoff() {
        let backoff = ReconnectBackoff(first: .milliseconds(100), longest: .seconds(1))
        for (count, whole) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (99, 1_000)] {
            #expect(
                backoff.delay(failureCount: count, random: 0) == .milliseconds(whole) / 2)
            #expect(
                backoff.delay(failureCount: count, random: 0.5)
                    == .milliseconds(whole) / 2 + .milliseconds(whole) / 4)
        }
    }
}
