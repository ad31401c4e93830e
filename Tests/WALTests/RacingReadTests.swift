import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Synchronization
import Testing

/// A read while the log goes on beneath it.
@Suite struct RacingReadTests {
    /// The writer, for the hook to use.
    final class Writer: Sendable {
        let log: WriteAheadLog
        private let next: Mutex<(lsn: LSN, time: Int64)>

        init(_ log: WriteAheadLog) {
            self.log = log
            next = Mutex((log.firstNextLSN, log.recovery.timeBaseMilliseconds))
        }

        func append(commits: Int) throws {
            for _ in 0..<commits {
                let (lsn, time) = next.withLock { next in
                    next = (next.lsn + 3, next.time + 1)
                    return (next.lsn - 3, next.time)
                }
                let batch = RecordBatch()
                batch.open(firstLSN: lsn, frameTime: time)
                for lsn in lsn..<lsn + 3 {
                    let bytes = TestStore.body(lsn)
                    _ = batch.append(
                        bodyByteCount: bytes.count, isIndexed: TestStore.isIndexed(lsn)
                    ) { $0.copyBytes(from: bytes) }
                }
                try log.append(batch)
            }
        }

        func readFaults(_ lsns: ClosedRange<LSN>) throws -> [LSN] {
            var faults: [LSN] = []
            try log.read(Array(lsns)) { lsn, body in
                let isRight =
                    body.map { TestStore.isBody(lsn, $0) } ?? !TestStore.isIndexed(lsn)
                if !isRight { faults.append(lsn) }
            }
            return faults
        }
    }

    static func store() throws -> (
        writer: Writer, files: HookedFileSystem, base: SimulatedFileSystem
    ) {
        let base = SimulatedFileSystem()
        let files = HookedFileSystem(base)
        let directory = try DataDirectory.open(
            files, segmentByteCount: TestStore.segmentByteCount,
            entropy: TestStore.entropy(seed: 3))
        let log = try WriteAheadLog.open(
            directory, start: TestStore.start(), replay: { _, _, _ in })
        return (Writer(log), files, base)
    }

    @Test("the active segment is sealed between the look at the sealed ones and the look at it")
    func roll() throws {
        let (writer, files, _) = try Self.store()
        try writer.append(commits: 7)
        let active = writer.log.status.activeNumber
        let first = DirectoryLayout.segment(1)
        files.once(opening: first) { try! writer.append(commits: 5) }
        #expect(try writer.readFaults(1...21) == [])
        #expect(writer.log.status.activeNumber > active)
        #expect(try writer.readFaults(1...36) == [])
    }

    @Test("I4: a segment that is released under a reader is put away when the reader has finished")
    func release() throws {
        let (writer, files, base) = try Self.store()
        try writer.append(commits: 11)
        let path = DirectoryLayout.segment(1)
        files.once(opening: path) {
            try! writer.log.release([1])
            while try! writer.log.prepareSpareSegments() {}
        }
        #expect(try writer.readFaults(1...33) == [])
        #expect(base.disk.files.contains(path))
        // Found no more, and gone with the next step.
        #expect(try writer.readFaults(1...12) == [1, 2, 4, 5, 7, 8, 10, 11])
        #expect(try writer.log.prepareSpareSegments())
        #expect(!base.disk.files.contains(path))
        #expect(!base.disk.files.contains(DirectoryLayout.sidecar(1)))
        #expect(try writer.readFaults(13...33) == [])
    }

    @Test("a read that fails lets go of what it held")
    func failedRead() throws {
        let (writer, _, base) = try Self.store()
        try writer.append(commits: 11)
        base.fail(SimulatedFault([.open], pathPart: ".seg", position: 2, code: 5))
        #expect(throws: LogError.self) { try writer.readFaults(1...33) }
        try writer.log.release([1, 2])
        #expect(!base.disk.files.contains(DirectoryLayout.segment(1)))
        #expect(!base.disk.files.contains(DirectoryLayout.segment(2)))
    }
}
