internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL
internal import Logging

extension DamageReport {
    /// Ranges of records that are named one by one.
    private static let namedRangeCountMax = 20

    /// Says what was damaged and what is gone, each at the level of an error: whoever has the broker
    /// go on without asking has to be able to find it.
    func log(to logger: Logger) {
        for damage in damages { logger.error("damage was passed over: \(damage)") }
        if damageCount > damages.count {
            logger.error("and \(damageCount - damages.count) more damaged places")
        }
        if let rebuilt {
            logger.error(
                """
                the state was made anew from the log (\(rebuilt.cause)): \
                \(rebuilt.isExact ? "it is what it was" : "some jobs may be delivered again"), \
                \(rebuilt.jobCount) jobs, \(rebuilt.missingCount) records missing
                """)
        }
        if uncopiedByteCount > 0 {
            logger.error("\(uncopiedByteCount) damaged bytes have no copy in quarantine")
        }
        guard !missing.isEmpty else { return }
        let named = missing.prefix(Self.namedRangeCountMax)
            .map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
            .joined(separator: ", ")
        let more = missing.count > Self.namedRangeCountMax ? ", …" : ""
        logger.error(
            """
            records that are gone: \(missingRecordCount), LSN \(named)\(more). Jobs enqueued by them \
            are lost, jobs ended by them are delivered again, and leases from before are void
            """)
    }
}
