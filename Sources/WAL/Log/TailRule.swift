internal import HoldfastMutants
package import HoldfastRecords

/// Where the log ends, when its last segment has a place X at which no whole frame with the
/// expected LSN starts.
///
/// Commits are serial: a frame is written only after the sync of the one before has returned, and
/// it says up to which LSN the log was then durable. So a crash can leave anything at X and behind
/// it, but never a frame that says that X had been durable; and if any frame says so, X is damage,
/// for a sync had returned for it.
///
/// | found behind X                                | meaning                             |
/// |-----------------------------------------------|-------------------------------------|
/// | nothing, X above what is certified            | the end, or a commit torn: cut at X |
/// | frames that do not certify X, X not certified | one unsynced window: cut at X       |
/// | a frame that certifies X, or X is certified   | X had been durable: damage          |
package enum TailRule {
    package enum Verdict: Equatable {
        case cut
        case damage
    }

    /// - Parameters:
    ///   - lsn: expected at X.
    ///   - certifiedLSN: the highest durable LSN that a frame before X speaks of.
    ///   - laterDurableLSNs: what each frame that was found behind X says was durable.
    package static func verdict(
        at lsn: LSN, certifiedLSN: LSN, laterDurableLSNs: some Sequence<LSN>
    ) -> Verdict {
        if Mutant.cutAtFirstBadChecksum.isOn { return .cut }
        let certified = laterDurableLSNs.reduce(certifiedLSN, max)
        return certified >= lsn ? .damage : .cut
    }
}
