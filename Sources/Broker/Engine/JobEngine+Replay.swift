package import HoldfastRecords

extension JobEngine {
    /// Applies a record of the log. The record is trusted in nothing: what does not fit the state is
    /// a fault, after which the engine must not be used any further. Past a gap it is made to fit.
    ///
    /// - Parameter frameTime: of the frame that the record lies in.
    package mutating func replay(
        lsn: LSN, frameTime: Int64, body: UnsafeRawBufferPointer
    ) throws(ReplayFault) {
        do throws(RecordFault) {
            guard gap == nil else {
                return try replayPastGap(lsn: lsn, frameTime: frameTime, body: body)
            }
            try apply(lsn: lsn, frameTime: frameTime, body: body)
        } catch {
            throw ReplayFault(
                lsn: lsn, recordName: body.isEmpty ? "?" : RecordType.name(ofByte: body[0]),
                reason: error.reason)
        }
    }
}
