internal import HoldfastRecords

/// What replay needs beside the state once it has passed a gap. Volatile: the next start begins behind
/// the gap, and is strict again.
struct GapPassage {
    var counts = GapCounts()
    /// Of the record that is being made to fit.
    var frameTime: Int64 = 0
    /// Where the jobs are that were never returned; made where first needed.
    var lanes: FreshLanes?
    /// Slots of which it is known whether they belong to whom the state says; since the last gap.
    var ownedSlots: [UInt32: Bool] = [:]
    /// Holds a record that was written anew.
    let batch = RecordBatch()
}

/// What replay has to do with a record behind a gap.
enum CoercedRecord {
    /// It is applied as it stands.
    case whole
    /// It was written anew into the passage's batch, and that is applied.
    case rewritten
    /// All of it is done.
    case done
    /// What fits of it is done.
    case partlyDone
    /// Nothing of it fits.
    case leftOut
}
