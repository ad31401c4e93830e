package import HoldfastEngine
package import HoldfastPages
package import HoldfastSnapshots
package import HoldfastWAL

/// Why a store could not be opened, or cannot go on.
package enum StoreFault: Error, Sendable, CustomStringConvertible {
    case directory(StoreError)
    case snapshots(SnapshotError)
    case log(LogError)
    /// A snapshot whose checksums hold says what no engine says.
    case root(snapshotNumber: UInt64, RestoreFault)
    /// A page of the state cannot be read, or is not the one that was written.
    case page(PageFailure)

    package var description: String {
        switch self {
        case .directory(let error): "\(error)"
        case .snapshots(let error): "\(error)"
        case .log(let error): "\(error)"
        case .root(let number, let fault):
            "snapshot \(number) is whole and says what cannot be: \(fault.reason); "
                + "use the version of Holdfast that wrote it"
        case .page(let failure):
            "\(failure); nothing was changed. Restore the data directory from a copy, or make the "
                + "state anew from the log with `brokerctl segment rebuild`"
        }
    }

    /// Whether what is on the disk is the reason, rather than the disk that does not answer.
    package var isRefusalOfData: Bool {
        switch self {
        case .directory(let error):
            if case .disk = error { false } else { true }
        case .log(let error):
            switch error {
            case .full, .failed, .read, .closed: false
            default: true
            }
        case .snapshots(let error):
            switch error {
            case .otherVersion, .foreign: true
            case .full, .failed, .read: false
            }
        case .root: true
        case .page(let failure): !failure.isReadError
        }
    }
}
