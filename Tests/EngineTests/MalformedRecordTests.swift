import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation
import Testing

/// Records that no broker wrote: each is a fault or harmless, never a trap, and never much memory.
/// The engines that are fed with them are thrown away.
@Suite struct MalformedRecordTests {
    /// Feeds a body to an engine that has lived and to the decoder for tools.
    private func feed(_ body: [UInt8], after rig: EngineRig, frameCount: Int) {
        var engine = EngineRig.emptyEngine(rig.configuration)
        EngineRig.replay(Array(rig.frames.prefix(frameCount)), on: &engine)
        feed(body, to: &engine)
    }

    private func feed(_ body: [UInt8], to engine: inout JobEngine) {
        body.withUnsafeBytes { bytes in
            try? engine.replay(
                lsn: engine.lastLSN + 1, frameTime: engine.frameTime, body: bytes)
            _ = try? EngineRecord(lsn: engine.lastLSN, body: bytes)
        }
    }

    @Test("every record, cut at every byte: a fault")
    func truncated() {
        let rig = RecordTests.course()
        var fed = 0
        for (number, frame) in rig.frames.enumerated() {
            for record in frame.records {
                for length in 0..<record.body.count {
                    let body = Array(record.body.prefix(length))
                    let isBirth = record.body[0] & 0x7F == 1
                    let isText = [4, 7].contains(record.body[0] & 0x7F)
                    feed(body, after: rig, frameCount: number)
                    fed += 1
                    guard !isBirth, !isText else { continue }
                    #expect(throws: RecordFault.self, "record \(record.lsn) cut at \(length)") {
                        try body.withUnsafeBytes { try EngineRecord(lsn: 1, body: $0) }
                    }
                }
            }
        }
        #expect(fed > 400)
    }

    @Test("a birth of a request with more births than a request may have: a fault")
    func requestTooLong() throws {
        let rig = RecordTests.course()
        var fedCount = 0
        for (number, frame) in rig.frames.enumerated() {
            // One whose flags say that a producer's mark follows.
            for record in frame.records where record.body[0] & 0x7F == 1 && record.body[1] & 4 != 0
            {
                let flags = record.body[1]
                let count = 20 + (flags & 1 != 0 ? 8 : 0) + (flags & 2 != 0 ? 4 : 0) + 4
                var body = record.body
                body.replaceSubrange(count..<count + 4, with: [1, 4, 0, 0])
                var engine = EngineRig.emptyEngine(rig.configuration)
                var before = frame
                before.records.removeAll { $0.lsn >= record.lsn }
                EngineRig.replay(rig.frames.prefix(number) + [before], on: &engine)
                fedCount += 1
                #expect(throws: ReplayFault.self) {
                    try body.withUnsafeBytes {
                        try engine.replay(lsn: record.lsn, frameTime: frame.frameTime, body: $0)
                    }
                }
            }
        }
        #expect(fedCount > 0)
    }

    @Test("every record with every byte changed in four ways, on the state it was written for")
    func mutated() {
        let rig = RecordTests.course()
        for (number, frame) in rig.frames.enumerated() {
            for record in frame.records {
                for position in record.body.indices {
                    for change: UInt8 in [0x01, 0x80, 0xFF, 0x7E] {
                        var body = record.body
                        body[position] ^= change
                        feed(body, after: rig, frameCount: number)
                    }
                }
            }
        }
    }

    @Test("random bytes behind a valid type, on a state with some of everything", arguments: 1...20)
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var run = RandomRun(seed: seed &+ 1_000)
        let isSame = run.run(stepCount: 60)
        #expect(isSame)
        for _ in 0..<20 {
            var engine = EngineRig.emptyEngine(run.rig.configuration)
            EngineRig.replay(run.rig.frames, on: &engine)
            for _ in 0..<50 {
                feed(body(&random, run), to: &engine)
                feed(body(&random, run), to: &engine)
            }
        }
    }

    /// Small numbers are likely ones: so are the jobs' LSNs, the versions and the queues.
    private func body(_ random: inout SeededRandom, _ run: RandomRun) -> [UInt8] {
        if random.oneIn(2), let frame = run.rig.frames.randomElement(using: &random),
            let record = frame.records.randomElement(using: &random)
        {
            var body = record.body
            for _ in 0..<random.below(4) {
                body[random.below(body.count)] = UInt8(random.below(256))
            }
            return body
        }
        var body = [UInt8(0x80 | random.below(13))]
        for _ in 0..<random.below(80) {
            body.append(random.oneIn(3) ? UInt8(random.below(256)) : UInt8(random.below(3)))
        }
        return body
    }

    @Test("numbers that skip, frames that go back: faults that say so")
    func order() {
        let rig = RecordTests.course()
        let record = rig.frames[0].records[0]
        var engine = EngineRig.emptyEngine(rig.configuration)
        func fault(_ lsn: LSN, _ time: Int64) -> String? {
            do {
                try record.body.withUnsafeBytes {
                    try engine.replay(lsn: lsn, frameTime: time, body: $0)
                }
                return nil
            } catch { return "\(error)" }
        }
        #expect(fault(2, 9) == "record 2 (QUEUE): its number should be 1")
        #expect(fault(.max, 9) == "record \(UInt64.max) (QUEUE): its number should be 1")
        #expect(fault(1, 9) == nil)
        #expect(fault(2, 8) == "record 2 (QUEUE): its frame is older than the one before")
        #expect(fault(2, 9) == "record 2 (QUEUE): its number is not free")
    }
}
