import Foundation
import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import Testing

/// The bytes of each record, as docs/records.md draws them. A change here is a change of the format:
/// see the recipe there.
@Suite struct RecordTests {
    /// The lines of the document's example: name, and the body in hex.
    private static func example() throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let document = try String(
            contentsOf: root.appending(path: "docs/records.md"), encoding: .utf8)
        let example = document.components(separatedBy: "## An example").last ?? ""
        return example.components(separatedBy: "```")[1].split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return "\(words[0]) \(words.dropFirst().joined())"
        }
    }

    /// A rig that has done everything once.
    static func course() -> EngineRig {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let slot = try! rig.engine.registerProducer((5, 6), into: rig.batch)
        let first = rig.enqueue(
            queue, EnqueueOptions(priority: 3), producer: (slot: slot, sequence: 9, count: 2))
        let second = rig.enqueue(
            queue, EnqueueOptions(delayMilliseconds: 1_000, attemptCountMax: 2))
        _ = try! rig.lease(queue)
        _ = rig.heartbeat(rig.token(first, 1), checkpoint: Array("hi".utf8), duration: 60_000)
        _ = rig.nack([rig.token(first, 1)], delay: 1_000, error: "boom")
        rig.pass(1_000)
        _ = try! rig.lease(queue, count: 2)
        _ = rig.reject([rig.token(second, 1)], reason: "no")
        _ = rig.redrive([rig.id(second)])
        _ = rig.ack([rig.token(first, 3)])
        _ = rig.cancel([rig.id(second)])
        try! rig.engine.setPolicy(of: queue, QueuePolicy(attemptCountMax: 3), into: rig.batch)
        try! rig.engine.deleteQueue(queue, into: rig.batch)
        rig.commit()
        return rig
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    @Test("every record is written byte for byte as the document draws it")
    func goldenBytes() throws {
        let written = Self.course().frames.flatMap(\.records)
        let lines = try Self.example()
        var names: Set<String> = []
        for (record, line) in zip(written, lines) {
            let name = record.body.withUnsafeBytes {
                try! EngineRecord(lsn: record.lsn, body: $0).typeName
            }
            names.insert(name)
            #expect("\(name) \(Self.hex(record.body))" == line, "record \(record.lsn)")
        }
        #expect(written.count == lines.count)
        #expect(names == Set(RecordType.allCases.map(\.name)))
    }

    @Test("a record is small: what it costs beside a 200-byte job")
    func sizes() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let content = [UInt8](repeating: 1, count: 200)
        func byteCount(_ body: () -> Void) -> Int {
            let before = rig.batch.byteCount
            body()
            return rig.batch.byteCount - before
        }
        #expect(byteCount { _ = rig.enqueue(queue, content: content) } == 200 + 32)
        #expect(byteCount { _ = try! rig.lease(queue) } == 40)
        #expect(byteCount { _ = rig.ack([rig.token(2, 1)]) } == 20)
    }

    @Test("a dump names every field, the jobs concerned and where the content starts")
    func decodedFields() throws {
        func decode(_ record: (lsn: LSN, body: [UInt8])) throws -> EngineRecord {
            try record.body.withUnsafeBytes { try EngineRecord(lsn: record.lsn, body: $0) }
        }
        let records = Self.course().frames.flatMap(\.records)
        let birth = try decode(records[2])
        #expect(
            birth.fields.map { "\($0.name)=\($0.value)" } == [
                "queue=0", "priority=3", "enqueued_ms=1800000000000", "producer=0", "sequence=9",
                "count=2", "content_bytes=12",
            ])
        #expect(birth.jobs == [3] && birth.queue?.rawValue == 0 && birth.contentOffset == 36)
        let returned = try decode(records[6])
        #expect(
            returned.fields.map { "\($0.name)=\($0.value)" } == [
                "job=3 version 1 failed → delayed until 1800000001000", "error=boom",
            ])
        let lease = try decode(records[8])
        #expect(lease.jobs == [3, 4])
        let queue = try decode(records[0])
        #expect(queue.fields.map(\.value).prefix(3) == ["create", "0", "q"])
        let content = records[2].body.withUnsafeBytes { bytes in
            Array((try! BirthRecord(bytes)).content)
        }
        #expect(content == JobContent.sample)
    }

    @Test("a type that is not known: skipped without the must-understand flag, a fault with it")
    func unknownTypes() throws {
        var engine = EngineRig.emptyEngine(EngineRig().configuration)
        try [UInt8]([0x7F, 1, 2, 3]).withUnsafeBytes { bytes in
            try engine.replay(lsn: 1, frameTime: 5, body: bytes)
        }
        #expect(engine.lastLSN == 1)
        let fault = #expect(throws: ReplayFault.self) {
            try [UInt8]([0xFF, 1, 2, 3]).withUnsafeBytes { bytes in
                try engine.replay(lsn: 2, frameTime: 5, body: bytes)
            }
        }
        #expect(
            fault?.description
                == "record 2 (type 127): a newer broker wrote it, and it must not be skipped")
        let record = try [UInt8]([0xFF, 1]).withUnsafeBytes { try EngineRecord(lsn: 1, body: $0) }
        #expect(!record.isKnown && record.mustBeUnderstood && record.typeName == "type 127")
    }
}
