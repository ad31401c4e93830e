package import HoldfastModel

/// The answer to one token or id of a request.
package struct ItemResult: Hashable, Sendable {
    /// nil = ok.
    package var code: RefusalCode?
    /// The ack was taken although the lease had ended.
    package var isLate: Bool
    /// The ack had been taken before; nothing was changed.
    package var isDuplicate: Bool
    /// The worker must stop: it does not have the job any more.
    package var mustStop: Bool
    /// What is left of an extended lease; 0 elsewhere.
    package var remainingMilliseconds: UInt32

    package init(
        code: RefusalCode? = nil, isLate: Bool = false, isDuplicate: Bool = false,
        mustStop: Bool = false, remainingMilliseconds: UInt32 = 0
    ) {
        self.code = code
        self.isLate = isLate
        self.isDuplicate = isDuplicate
        self.mustStop = mustStop
        self.remainingMilliseconds = remainingMilliseconds
    }
}

/// What a heartbeat says of one lease.
package struct HeartbeatItem {
    package var token: LeaseToken
    /// What the job's next attempt is to be handed, at most `Limits.checkpointByteCountMax` bytes;
    /// nil = leave what there is. Read during the call only.
    package var checkpoint: UnsafeRawBufferPointer?

    package init(token: LeaseToken, checkpoint: UnsafeRawBufferPointer? = nil) {
        self.token = token
        self.checkpoint = checkpoint
    }
}
