import Foundation
import Testing

/// The bytes of version 1, one file for each frame. `UPDATE_GOLDEN=1` writes them anew; the
/// difference is then the review.
@Suite struct GoldenTests {
    private static let directory =
        packageDirectory.appending(path: "Tests/ProtocolTests/Fixtures/v1")

    @Test("the bytes of a frame are those of version 1", arguments: Samples.all.keys.sorted())
    func golden(name: String) throws {
        let frame = try #require(Samples.all[name])
        let file = Self.directory.appending(path: "\(name).hex")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(
                at: Self.directory, withIntermediateDirectories: true)
            try hex(frame).write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try hex(frame) == String(contentsOf: file, encoding: .utf8))
    }

    @Test("every golden file is still a sample")
    func files() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path())
        #expect(names.sorted() == Samples.all.keys.map { "\($0).hex" }.sorted())
    }
}
