/// How the store stands with the space of its volume.
package enum StorageState: UInt8, Sendable {
    case normal
    /// The reserve is whole, but the volume has not much more room than that: space is given back as
    /// soon as it can be.
    case pressure
    /// The reserve is not whole, and the volume has no room for it. Nothing may be enqueued; all that
    /// is there can still be leased, acknowledged and returned, for ever.
    case full

    package var name: String { "\(self)" }
}
