package import HoldfastEngine
package import HoldfastRecords
package import HoldfastWAL

/// What a start found damaged and went on without (S13): whatever is not named here is as it was.
package struct DamageReport: Sendable {
    /// The places in the log, the first hundred of them.
    package var damages: [LogDamage] = []
    package var damageCount = 0
    /// Records that are gone, rising. Jobs that were born by them are lost; what else they said of a
    /// job is not known any more, so that it may be delivered again.
    package var missing: [ClosedRange<LSN>] = []
    package var missingRecordCount: UInt64 = 0
    /// Damaged bytes of which no copy could be kept.
    package var uncopiedByteCount = 0
    /// What became of the records behind them.
    package var gapCounts = GapCounts()
    /// Where the state had to be made anew from the log, because a snapshot or its pages could not
    /// be used.
    package var rebuilt: RebuildReport?
}
