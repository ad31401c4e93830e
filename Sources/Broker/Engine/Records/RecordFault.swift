package import HoldfastRecords

/// Why the body of a record cannot be read, or does not fit the state it meets.
package struct RecordFault: Error, Hashable, Sendable {
    package let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

/// A record of the log that the engine refuses to apply: the log is damaged, or a newer broker wrote
/// it. The engine must not be used any further.
package struct ReplayFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let lsn: LSN
    /// The record's name as in docs/records.md.
    package let recordName: String
    package let reason: String

    package var description: String { "record \(lsn) (\(recordName)): \(reason)" }
}
