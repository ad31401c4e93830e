/// What a greeting opens with, and the versions of the protocol that this code speaks.
///
/// To change bytes that a version has fixed: add a version here, say in docs/protocol.md what it
/// changes, add `Fixtures/vN`, and keep answering the older versions as they were.
package enum ProtocolVersion {
    /// The bytes `HLDF`, read as a little-endian integer.
    package static let magic: UInt32 = 0x4644_4C48
    package static let oldest: UInt16 = 1
    package static let newest: UInt16 = 1

    /// The newest version that both sides speak; nil where there is none.
    package static func agreed(clientOldest: UInt16, clientNewest: UInt16) -> UInt16? {
        let version = min(clientNewest, newest)
        return version >= max(clientOldest, oldest) ? version : nil
    }
}
