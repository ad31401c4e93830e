/// One job of a record that is being decided. It lives from the decision to the encoding.
struct PendingItem {
    var lsn: UInt64
    var version: UInt32
    /// LEASE only: the lane, as a priority.
    var priority: UInt8 = 0
    /// RETURN only.
    var cause: ReturnCause = .failed
    var outcome: ReturnOutcome = .front
    /// CANCEL only.
    var place: CancelPlace = .known
    var lane = LaneNumber(rawValue: 0)
    /// RETURN and CANCEL; broker time.
    var dueMilliseconds: Int64 = 0
}
