/// What became of the records behind a gap in the log, for the broker's report.
package struct GapCounts: Sendable, Equatable {
    /// Gaps that were passed.
    package var gapCount = 0
    /// Records that lay in them.
    package var missingCount: UInt64 = 0
    /// Records behind them that cannot be read for what they are: left out.
    package var unreadableCount = 0
    /// Records nothing of which fits: left out.
    package var leftOutCount = 0
    /// Records that were applied in part, or after the state was made to fit.
    package var coercedCount = 0
    /// Times that a job was put where a record presupposes it, or given the version.
    package var movedJobCount = 0
    /// Times that a ready job was delayed, because a later one of its lane was leased before it.
    package var overtakenJobCount = 0
    /// Queues whose name is gone.
    package var namelessQueueCount = 0
    /// Births whose producer is not remembered: a repeat of such a request is taken as a new one.
    package var unmarkedBirthCount = 0

    package init() {}
}
