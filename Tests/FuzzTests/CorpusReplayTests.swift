internal import Foundation
internal import HoldfastFuzzTargets
internal import Testing

/// What fuzzing found worth keeping, run once more by every `make test`: an input that once ended a
/// parser is in the corpus for ever. A failing one repeats alone with
/// `fuzz/.build/release/fuzz fuzz/corpus/NAME/FILE` and HOLDFAST_FUZZ=NAME.
@Suite("fuzz corpora")
struct CorpusReplayTests {
    private static let corpora = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fuzz/corpus")

    static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let directory = corpora.appending(path: target.rawValue)
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().map {
            ($0, [UInt8](try Data(contentsOf: directory.appending(path: $0))))
        }
    }

    @Test(
        "F19, F20, F33: whatever the corpus holds is read or refused",
        arguments: FuzzTarget.allCases)
    func replay(_ target: FuzzTarget) throws {
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try SeedCorpus.write(of: target, to: Self.corpora.appending(path: target.rawValue))
        }
        let inputs = try Self.inputs(of: target)
        #expect(!inputs.isEmpty)
        for input in inputs { input.bytes.withUnsafeBytes { target.run($0) } }
    }

    @Test(
        "F19, F20, F33: each of them with any one byte changed as well",
        arguments: FuzzTarget.allCases)
    func mutations(_ target: FuzzTarget) throws {
        let isSlow = [.store, .serving, .tools, .segment, .compacted, .snapshot, .sidecar]
            .contains(target)
        var changedCount = 0
        for input in try Self.inputs(of: target) {
            var bytes = input.bytes
            for index in bytes.indices where changedCount < (isSlow ? 60 : 4_000) {
                let byte = bytes[index]
                bytes[index] = byte ^ [0x01, 0x80, 0xFF, 0x55][index % 4]
                bytes.withUnsafeBytes { target.run($0) }
                bytes[index] = byte
                changedCount += 1
            }
        }
        #expect(changedCount > 0)
    }
}
