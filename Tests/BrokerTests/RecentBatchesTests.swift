internal import HoldfastBroker
internal import HoldfastRecords
internal import Testing

@Suite struct RecentBatchesTests {
    private func batch(from lsn: LSN, bodies: [String], in spare: RecordBatch) -> RecordBatch {
        spare.open(firstLSN: lsn, frameTime: 0)
        for body in bodies {
            _ = spare.append(bodyByteCount: body.utf8.count, isIndexed: true) {
                $0.copyBytes(from: body.utf8)
            }
        }
        return spare
    }

    private func text(_ recent: RecentBatches, _ lsn: LSN) -> String? {
        recent.body(of: lsn).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("a record is found by its LSN in whichever batch it lies")
    func lookUp() {
        var recent = RecentBatches(byteCountMax: 1 << 20)
        recent.keep(batch(from: 1, bodies: ["a", "b"], in: recent.takeSpare()))
        recent.keep(batch(from: 3, bodies: ["c"], in: recent.takeSpare()))
        recent.keep(batch(from: 4, bodies: ["d", "e", "f"], in: recent.takeSpare()))
        #expect((1...6).map { text(recent, $0) } == ["a", "b", "c", "d", "e", "f"])
        #expect(text(recent, 0) == nil)
        #expect(text(recent, 7) == nil)
    }

    @Test("memory stays within its bound and the oldest go first")
    func bound() {
        let capacity = RecordBatch().footprintByteCount
        var recent = RecentBatches(byteCountMax: capacity * 2 + capacity / 2)
        for number: LSN in 1...5 {
            recent.keep(batch(from: number, bodies: ["\(number)"], in: recent.takeSpare()))
        }
        #expect((1...5).map { text(recent, $0) } == [nil, nil, nil, "4", "5"])
    }

    @Test("an empty batch is used again and never kept")
    func empty() {
        var recent = RecentBatches(byteCountMax: 1 << 20)
        recent.keep(batch(from: 1, bodies: ["a"], in: recent.takeSpare()))
        let empty = batch(from: 2, bodies: [], in: recent.takeSpare())
        recent.keep(empty)
        #expect(recent.takeSpare() === empty)
        #expect(text(recent, 1) == "a")
    }
}
