/// The proof of one particular delivery: the job, the job's version, and a check of the store.
/// Every verb on a leased job needs it. The version is a fencing token: of two deliveries of a job
/// the later one has the greater version.
///
/// As text, 26 digits of base32hex (RFC 4648 §7, lower case).
public struct LeaseToken: Hashable, Sendable, LosslessStringConvertible {
    @usableFromInline package let lsn: UInt64
    /// The number of the delivery among all of its job's.
    @usableFromInline package let version: UInt32
    @usableFromInline package let check: UInt32

    /// The bytes a token takes on the wire.
    package static let byteCount = 16

    @inlinable
    package init(lsn: UInt64, version: UInt32, check: UInt32) {
        self.lsn = lsn
        self.version = version
        self.check = check
    }

    /// - Returns: nil where the text is not 26 digits of base32hex; upper case is taken too.
    public init?(_ description: String) {
        guard let bytes = Base32.decode(description, byteCount: Self.byteCount) else { return nil }
        lsn = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        version = bytes[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
        check = bytes[12..<16].reduce(0) { $0 << 8 | UInt32($1) }
    }

    public var description: String {
        Base32.encode(
            bigEndianBytes(of: lsn) + bigEndianBytes(of: version) + bigEndianBytes(of: check))
    }
}
