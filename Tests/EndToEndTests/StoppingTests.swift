internal import Foundation
internal import HoldfastHarness
internal import Testing

@Suite("stopping a broker")
struct StoppingTests {
    @Test("a disk that fails while the broker stops: exit code 74, and nothing is lost")
    func failingDisk() async throws {
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            _ = try connection.enqueue("q", [TestJob("one")])
            // The last that it does ahead of need: from then on it leaves the directory alone.
            while try FileManager.default.contentsOfDirectory(
                atPath: "\(broker.dataDirectory)/pool"
            ).count(where: { $0.hasSuffix(".spare") }) < 3 { try connection.ping() }
        }
        // The snapshot that a stop takes cannot be written where its directory is a file.
        let snapshots = "\(broker.dataDirectory)/snap"
        let directory = try TemporaryDirectory()
        try #require(rename(snapshots, directory.path(of: "snap")) == 0)
        try Data().write(to: URL(fileURLWithPath: snapshots))
        #expect(await broker.terminate() == .code(74), "\(broker.log)")
        #expect(!broker.log.contains("upkeep"), "\(broker.log)")
        try FileManager.default.removeItem(atPath: snapshots)
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            #expect(try connection.lease("q").map(\.text) == ["one"])
        }
        #expect(await broker.terminate() == .code(0))
    }
}
