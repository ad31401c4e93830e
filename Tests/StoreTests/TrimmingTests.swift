import HoldfastDisk
import HoldfastEngine
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import Testing

/// Files of pages that a large backlog leaves behind.
@Suite struct TrimmingTests {
    private func fileCount(_ rig: StoreRig) throws -> Int {
        try rig.disk.list(SnapshotLayout.pages).count
    }

    /// A store whose backlog was large and is done, but for a few jobs; the snapshots since are to be
    /// taken.
    private func drained() throws -> (rig: StoreRig, peak: Int) {
        let rig = try StoreRig()
        try rig.enqueue("kept", count: 3)
        for _ in 0..<40 { try rig.enqueue("a", count: 100, payloadByteCount: 10) }
        for _ in 0..<2 { try rig.snapshot() }
        let peak = try fileCount(rig)
        while true {
            let tokens = try rig.lease("a", count: 64)
            if tokens.isEmpty { break }
            try rig.ack(tokens)
        }
        try rig.enqueue("kept", count: 3)
        return (rig, peak)
    }

    @Test("the files shrink to what is needed when a large backlog is done, and grow again")
    func shrinks() throws {
        let (rig, peak) = try drained()
        #expect(peak > 20, "\(peak)")
        for _ in 0..<40 {
            try rig.enqueue("b")
            try rig.ack(try rig.lease("b", count: 1))
            try rig.snapshot()
        }
        let left = try fileCount(rig)
        let used = rig.engine.pages.usedPageCount
        // Two snapshots, and room for what one writes, in files of eight.
        #expect(left <= (3 * used) / 8 + 3, "\(left) files of \(peak) for \(used) pages")
        let dump = rig.dump()
        try rig.losePower()
        #expect(rig.dump() == dump)
        for _ in 0..<40 { try rig.enqueue("a", count: 100, payloadByteCount: 10) }
        for _ in 0..<2 { try rig.snapshot() }
        #expect(try fileCount(rig) > 20)
        let grown = rig.dump()
        try rig.losePower()
        #expect(rig.dump() == grown)
    }

    @Test("a store without work gives back what only the largest snapshot needed")
    func quiet() throws {
        let (rig, peak) = try drained()
        for _ in 0..<3 {
            try rig.enqueue("b")
            try rig.ack(try rig.lease("b", count: 1))
            try rig.snapshot()
        }
        let used = rig.engine.pages.usedPageCount
        let bound = (3 * used) / 8 + 3
        // The next snapshot may be as large again.
        #expect(try fileCount(rig) > bound)
        for _ in 0..<10 {
            rig.upkeep.lookAtSpace()
            try rig.finishUpkeep()
        }
        let left = try fileCount(rig)
        #expect(left <= bound, "\(left) files of \(peak) for \(used) pages")
        let dump = rig.dump()
        try rig.losePower()
        #expect(rig.dump() == dump)
        try rig.snapshot()
    }

    @Test("pages that are made between the choice and the removal of a file are not lost")
    func allocatedMeanwhile() throws {
        let (rig, _) = try drained()
        for _ in 0..<12 {
            rig.freeze()
            for _ in 0..<30 {
                _ = try rig.upkeep.step()
                rig.takeOutcome()
                // Whatever the upkeep is at, the state grows by pages and gives them up again.
                try rig.enqueue("b", count: 20)
                try rig.ack(try rig.lease("b", count: 20))
            }
            try rig.finishUpkeep()
        }
        #expect(rig.disk.calls.contains { $0.call == .remove && $0.path.hasPrefix("pages/") })
        let dump = rig.dump()
        try rig.losePower()
        #expect(rig.dump() == dump)
    }

    @Test("a crash at every call of the removal leaves a store that says what it said")
    func crashes() throws {
        let (rig, _) = try drained()
        let dump = rig.dump()
        try rig.commit()
        rig.disk.keepsMoments = true
        for _ in 0..<4 { try rig.snapshot() }
        rig.disk.keepsMoments = false
        let moments = rig.disk.moments.indices.filter { index in
            // Before and behind each call that makes or removes a name of a page file.
            rig.disk.moments[max(index - 1, 0)...index].contains { moment in
                moment.next.path.hasPrefix(SnapshotLayout.pages)
                    && [.remove, .syncDirectory, .create].contains(moment.next.call)
            }
        }
        let all = rig.disk.moments
        #expect(moments.count > 20)
        for index in moments {
            let disk = all[index].disk
            var states = [disk.afterKill()]
            for choices in [CrashChoices(), .everything(disk)]
                + (1...2).map({ CrashChoices.random(disk, seed: $0) })
            {
                states.append(disk.afterPowerLoss(choices))
            }
            for (number, state) in states.enumerated() {
                let again = try StoreRig(SimulatedFileSystem(state), seed: 2)
                #expect(again.dump() == dump, "moment \(index) (\(all[index].next)), \(number)")
                try again.snapshot()
                try again.losePower()
                #expect(again.dump() == dump, "moment \(index), \(number), and once more")
            }
        }
    }
}
