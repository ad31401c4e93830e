/// Page numbers that a snapshot no longer has but the one before it still may.
struct RetiredPages {
    /// The snapshot that is the first without them.
    let snapshotNumber: UInt32
    var numbers: [UInt32]
}

// A number is in one of these states:
//
//   used               the state refers to it
//   retiredSinceFreeze the state does not, the last frozen snapshot does
//   retired[N]         snapshot N is the first without it, the one before N has it
//   freeAtOnce         it was given up before any snapshot had it
//   free               in none of them
//
// `taken` is all but the last. Two snapshots are kept, so what is retired in N becomes free when a
// snapshot after N is committed: then the two kept ones are N or later.
extension PageSpace {
    /// The lowest free number, so that the files stay short.
    func takeNumber() -> UInt32 {
        let number: UInt32
        if let given = freeAtOnce.popLast() {
            number = given
        } else {
            number = taken.lowestAbsent(from: lowestFreeHint)
            precondition(number < UInt32.max, "2^32 pages are the most that a store can have")
            taken.insert(number)
            lowestFreeHint = number + 1
        }
        used.insert(number)
        return number
    }

    func takeReference() -> PageReference {
        precondition(nextStamp != 0, "no page is made before stamps have begun")
        defer { nextStamp += 1 }
        return PageReference(number: takeNumber(), stamp: nextStamp)
    }

    /// The state no longer refers to it.
    func giveUp(_ reference: PageReference) {
        used.remove(reference.number)
        if reference.stamp >= firstStampOfGeneration {
            freeAtOnce.append(reference.number)
        } else {
            retiredSinceFreeze.append(reference.number)
        }
    }

    func release(_ numbers: [UInt32]) {
        for number in numbers {
            taken.remove(number)
            lowestFreeHint = min(lowestFreeHint, number)
        }
    }

    /// A snapshot and the one before it are the two that are kept.
    func releaseRetired(before snapshotNumber: UInt32) {
        for batch in retired where batch.snapshotNumber < snapshotNumber { release(batch.numbers) }
        retired.removeAll { $0.snapshotNumber < snapshotNumber }
    }
}
