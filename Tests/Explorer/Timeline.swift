import HoldfastEngine
import HoldfastRecords
import HoldfastSimulation

/// What a store's state was at the end of each commit, and what its jobs brought with them: what a
/// recovered one is compared with.
package struct Timeline: Sendable {
    private struct Boundary {
        let lastLSN: LSN
        let stateHash: UInt64
        let recordNames: Set<String>
    }

    private struct Birth {
        let lsn: LSN
        let contentHash: UInt64
    }

    // Both in rising order.
    private var boundaries: [Boundary] = []
    private var births: [Birth] = []
    /// Of a store without records.
    private let emptyStateHash: UInt64

    /// - Parameter emptyStateHash: of the engine before its first record.
    package init(emptyStateHash: UInt64) {
        self.emptyStateHash = emptyStateHash
    }

    mutating func note(_ batch: RecordBatch, stateHash: UInt64) {
        var names: Set<String> = []
        for lsn in batch.firstLSN..<batch.nextLSN {
            guard let body = batch.body(of: lsn) else { continue }
            if let birth = try? BirthRecord(body) {
                births.append(Birth(lsn: lsn, contentHash: ContentHash.of(birth.content)))
                names.insert("ENQUEUE")
            } else if let record = try? EngineRecord(lsn: lsn, body: body) {
                names.insert(record.typeName)
            }
        }
        boundaries.append(
            Boundary(lastLSN: batch.lastLSN, stateHash: stateHash, recordNames: names))
    }

    /// A start has gone on past damage: the state is another one from here on.
    mutating func passDamage(to lsn: LSN, stateHash: UInt64) {
        while let last = boundaries.last, last.lastLSN >= lsn { boundaries.removeLast() }
        boundaries.append(Boundary(lastLSN: lsn, stateHash: stateHash, recordNames: []))
    }

    /// Forgets what came after `lsn`: it never happened.
    mutating func cut(after lsn: LSN) {
        while let last = boundaries.last, last.lastLSN > lsn { boundaries.removeLast() }
        while let last = births.last, last.lsn > lsn { births.removeLast() }
    }

    /// Why the log may not end at `lsn` with that state, after a crash when everything up to
    /// `acknowledged` had been acknowledged; nil where it may. Commits are serial, so beyond that
    /// there is one batch at most (S10).
    func fault(endingAt lsn: LSN, stateHash: UInt64, acknowledged: LSN) -> String? {
        if lsn < acknowledged { return "S10: only \(lsn) of \(acknowledged) acknowledged" }
        if lsn > acknowledged, lsn != boundary(after: acknowledged)?.lastLSN {
            return "S10: ends at \(lsn), which is no batch's end after \(acknowledged)"
        }
        guard let expected = self.stateHash(at: lsn) else {
            return "S10: ends at \(lsn), in the middle of a batch"
        }
        return expected == stateHash ? nil : "S10: another state at \(lsn) than there was"
    }

    /// The names of the records in the batch that follows `lsn`.
    func recordNames(after lsn: LSN) -> Set<String> {
        boundary(after: lsn)?.recordNames ?? []
    }

    func contentHash(ofBirth lsn: LSN) -> UInt64? {
        let index = firstIndex(births.count) { births[$0].lsn >= lsn }
        return index < births.count && births[index].lsn == lsn ? births[index].contentHash : nil
    }

    func stateHash(at lsn: LSN) -> UInt64? {
        if lsn == 0 { return emptyStateHash }
        let index = firstIndex(boundaries.count) { boundaries[$0].lastLSN >= lsn }
        guard index < boundaries.count, boundaries[index].lastLSN == lsn else { return nil }
        return boundaries[index].stateHash
    }

    private func boundary(after lsn: LSN) -> Boundary? {
        let index = firstIndex(boundaries.count) { boundaries[$0].lastLSN > lsn }
        return index < boundaries.count ? boundaries[index] : nil
    }

    /// The first index for which `isBeyond` holds, by halving.
    private func firstIndex(_ count: Int, _ isBeyond: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
