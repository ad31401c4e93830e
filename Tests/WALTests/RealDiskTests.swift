import HoldfastDisk
import HoldfastHarness
import HoldfastRecords
import HoldfastWAL
import Testing

/// The same log on the kernel's files.
@Suite struct RealDiskTests {
    private let scratch: TemporaryDirectory
    private var path: String { scratch.path(of: "data") }

    init() throws { scratch = try TemporaryDirectory() }

    @Test("a store on a real file system: append, roll, read, close, reopen, verify")
    func wholeLife() throws {
        var last: LSN = 0
        for round in 1...3 {
            let directory = try DataDirectory.open(
                path: path, segmentByteCount: 64 * 1024)
            #expect(directory.isNew == (round == 1))
            var replay = TestStore.Replay()
            let log = try WriteAheadLog.open(directory, start: TestStore.start()) {
                TestStore.check($0, $1, $2, &replay)
            }
            #expect(replay.faults == [])
            #expect(replay.lastLSN == last)
            #expect(throws: StoreError.self) { try DataDirectory.open(path: path) }
            let batch = RecordBatch()
            for count in 1...20 {
                batch.open(
                    firstLSN: last + 1, frameTime: log.recovery.timeBaseMilliseconds + Int64(count))
                for _ in 1...count {
                    let bytes = TestStore.body(batch.nextLSN, byteCount: 900)
                    _ = batch.append(bodyByteCount: 900, isIndexed: true) {
                        $0.copyBytes(from: bytes)
                    }
                }
                try log.append(batch)
                last = batch.lastLSN
                while try log.prepareSpareSegments() {}
            }
            var found = 0
            try log.read(Array(1...last)) { lsn, body in
                if let body, TestStore.isBody(lsn, body) { found += 1 }
            }
            #expect(found == Int(last))
            if round == 2 { try log.close() }
        }
        let inspection = try LogInspection.open(path: path)
        let summary = try inspection.verify { Issue.record("\($0)") }
        #expect(summary.lastLSN == last)
        #expect(summary.recordCount == Int(last))
    }

    @Test("on a real file system: release, compact, scrub, and open from what is left")
    func segments() throws {
        var origin: LogOrigin?
        var wanted: [LSN] = []
        var last: LSN = 0
        for _ in 1...3 {
            let directory = try DataDirectory.open(
                path: path, segmentByteCount: 64 * 1024)
            var replay = TestStore.Replay(lastLSN: origin?.lastLSN ?? 0)
            let log = try WriteAheadLog.open(directory, start: TestStore.start(), from: origin) {
                TestStore.check($0, $1, $2, &replay)
            }
            #expect(replay.faults == [])
            #expect(replay.lastLSN == last)
            let batch = RecordBatch()
            for count in 1...40 {
                batch.open(
                    firstLSN: last + 1, frameTime: log.recovery.timeBaseMilliseconds + Int64(count))
                for _ in 1...10 {
                    let bytes = TestStore.body(batch.nextLSN, byteCount: 900)
                    _ = batch.append(bodyByteCount: 900, isIndexed: true) {
                        $0.copyBytes(from: bytes)
                    }
                }
                try log.append(batch)
                last = batch.lastLSN
            }
            let group = log.sealedSegments
            let compacted = try log.compact(group) { segment in
                (segment.firstLSN..<segment.nextLSN).filter {
                    $0 % 25 == 0 && (!segment.isCompacted || wanted.contains($0))
                }
            }
            wanted = (1..<compacted.nextLSN).filter { $0 % 25 == 0 }
            try log.release(group)
            while try log.prepareSpareSegments() {}
            while try log.scrubStep({ Issue.record("\($0)") }) {}
            var found: [LSN] = []
            try log.read(Array(1..<compacted.nextLSN)) { lsn, body in
                if let body, TestStore.isBody(lsn, body) { found.append(lsn) }
            }
            #expect(found.sorted() == wanted)
            #expect(log.sealedSegments == [compacted])
            origin = LogOrigin(
                lastLSN: last, frameTime: batch.frameTime, segments: log.sealedSegments)
        }
        let inspection = try LogInspection.open(path: path, from: origin)
        _ = try inspection.verify { Issue.record("\($0)") }
    }
}
