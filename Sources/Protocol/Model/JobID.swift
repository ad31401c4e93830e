/// The name of a job for its whole life: the log sequence number of its birth record and a check of
/// the store. Never used again and never changed.
///
/// As text, 16 digits of base32hex (RFC 4648 §7, lower case): ids of one store sort as the jobs
/// were born.
public struct JobID: Hashable, Sendable, LosslessStringConvertible {
    @usableFromInline package let lsn: UInt64
    @usableFromInline package let check: UInt16

    /// The bytes an id takes on the wire.
    package static let byteCount = 10

    @inlinable
    package init(lsn: UInt64, check: UInt16) {
        self.lsn = lsn
        self.check = check
    }

    /// - Returns: nil where the text is not 16 digits of base32hex; upper case is taken too.
    public init?(_ description: String) {
        guard let bytes = Base32.decode(description, byteCount: Self.byteCount) else { return nil }
        lsn = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        check = UInt16(bytes[8]) << 8 | UInt16(bytes[9])
    }

    public var description: String {
        Base32.encode(bigEndianBytes(of: lsn) + bigEndianBytes(of: check))
    }
}
