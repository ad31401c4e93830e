/// A store's secret, drawn at random when the store is created. It puts a check into every job id
/// and lease token, so that one of another store, or a made-up one, is told apart from one whose
/// job is merely gone.
///
/// The check guards against mistakes, not against an attacker: it is a mix of 64-bit
/// multiplications (after the finalizer of MurmurHash3 by A. Appleby), not a message
/// authentication code.
package struct StoreKey: Hashable, Sendable {
    @usableFromInline package let low: UInt64
    @usableFromInline package let high: UInt64
    /// Mixed into the check of every lease token: 0 to `leaseEpochMax`. It rises where records of the
    /// log are gone, so that all tokens given out before are void.
    @usableFromInline package var leaseEpoch: UInt32 = 0

    package static let leaseEpochMax: UInt32 = 1 << 31 - 1
    /// How many epochs back a token is told from a made-up one.
    private static let voidEpochCount: UInt32 = 64

    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    @inlinable
    package func jobID(_ lsn: UInt64) -> JobID {
        JobID(lsn: lsn, check: UInt16(truncatingIfNeeded: mix(lsn, 0) >> 48))
    }

    @inlinable
    package func leaseToken(_ lsn: UInt64, version: UInt32) -> LeaseToken {
        LeaseToken(
            lsn: lsn, version: version,
            check: UInt32(
                truncatingIfNeeded: mix(lsn, UInt64(version) + 1 + UInt64(leaseEpoch) << 33) >> 32))
    }

    /// Whether this store gave out the id. One in 65,536 made-up ids passes.
    @inlinable
    package func knows(_ id: JobID) -> Bool { jobID(id.lsn) == id }

    /// Whether this store gave out the token in this lease epoch. One in 2^32 made-up tokens passes.
    @inlinable
    package func knows(_ token: LeaseToken) -> Bool {
        leaseToken(token.lsn, version: token.version) == token
    }

    /// Whether this store gave out the token in an earlier lease epoch: it proves nothing any more.
    package func isVoid(_ token: LeaseToken) -> Bool {
        var earlier = self
        while earlier.leaseEpoch > 0, leaseEpoch - earlier.leaseEpoch < Self.voidEpochCount {
            earlier.leaseEpoch -= 1
            if earlier.knows(token) { return true }
        }
        return false
    }

    @inlinable
    func mix(_ lsn: UInt64, _ salt: UInt64) -> UInt64 {
        var state = (lsn ^ low) &* 0xFF51_AFD7_ED55_8CCD
        state ^= state >> 33
        state = (state &+ salt ^ high) &* 0xC4CE_B9FE_1A85_EC53
        state ^= state >> 33
        state = state &* 0xFF51_AFD7_ED55_8CCD
        return state ^ (state >> 29)
    }
}
