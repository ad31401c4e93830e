internal import Foundation
internal import HoldfastFuzzTargets
internal import Testing

/// What fuzzing found worth keeping, run once more by every `make test`: an input that once ended a
/// parser is in the corpus for ever. A failing one repeats alone with
/// `fuzz/.build/release/fuzz fuzz/corpus/NAME/FILE` and HOLDFAST_FUZZ=NAME; one that fails with a byte
/// changed, with HOLDFAST_CORPUS_SEED as this run printed it, which also names each change before it
/// is made.
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
        "F19, F20, F33: each of them with a byte changed here and there, by seed",
        arguments: FuzzTarget.allCases)
    func mutations(_ target: FuzzTarget) throws {
        let isSlow = [.store, .serving, .tools, .segment, .compacted, .snapshot, .sidecar]
            .contains(target)
        let inputs = try Self.inputs(of: target)
        let changes = ByteChanges(
            count: isSlow ? 60 : 4_000, byteCount: inputs.map(\.bytes.count).reduce(0, +),
            seed: Self.seed)
        var changedCount = 0
        for (number, input) in inputs.enumerated() {
            var bytes = input.bytes
            let own = changes.changes(ofInput: number, byteCount: bytes.count)
            for change in own {
                if Self.givenSeed != nil {
                    Self.say(
                        "\(target.rawValue)/\(input.name): [\(change.index)] ^= \(change.mask)")
                }
                bytes[change.index] ^= change.mask
                bytes.withUnsafeBytes { target.run($0) }
                bytes[change.index] ^= change.mask
            }
            #expect(bytes.isEmpty == own.isEmpty, "\(input.name) is never changed")
            changedCount += own.count
        }
        #expect(changedCount > 0)
    }

    private static let givenSeed = ProcessInfo.processInfo.environment["HOLDFAST_CORPUS_SEED"]
        .flatMap { UInt64($0) }

    /// Said before the first change is made: an input that ends a parser ends this process with it.
    private static let seed: UInt64 = {
        if let givenSeed { return givenSeed }
        let seed = UInt64.random(in: 1..<1_000_000)
        say("bytes of the fuzz corpora are changed by HOLDFAST_CORPUS_SEED=\(seed)")
        return seed
    }()

    /// At once, as nothing that is buffered is when a process traps.
    private static func say(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}
