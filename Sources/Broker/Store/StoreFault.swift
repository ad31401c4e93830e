package import HoldfastEngine
package import HoldfastPages
package import HoldfastSnapshots
package import HoldfastWAL

/// Why a store could not be opened, or cannot go on.
package enum StoreFault: Error, Sendable, CustomStringConvertible {
    case directory(StoreError)
    case snapshots(SnapshotError)
    case log(LogError)
    /// No snapshot can be read, though there are some, and the log alone does not say the state.
    case unreadableSnapshots([SnapshotStore.PassedOver], LogError)
    /// A snapshot whose checksums hold says what no engine says.
    case root(snapshotNumber: UInt64, RestoreFault)
    /// A page of the state cannot be read, or is not the one that was written.
    case page(PageFailure)

    package var description: String {
        switch self {
        case .directory(let error): "\(error)"
        case .snapshots(let error): "\(error)"
        case .log(let error): "\(error)"
        case .unreadableSnapshots(let passedOver, let error):
            "no snapshot can be read ("
                + passedOver.map { "\(SnapshotLayout.slot($0.slot)): \($0.reason)" }
                .joined(separator: "; ")
                + "), and the log alone does not say the state: \(error). To make the state anew "
                + "from what there is of the log, see `brokerctl segment rebuild`"
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
        case .log(let error), .unreadableSnapshots(_, let error):
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

extension StoreFault {
    /// What opening or replaying the log ended with, after the snapshots were read.
    init(_ error: LogError, _ snapshots: SnapshotStore) {
        self =
            snapshots.newest == nil && !snapshots.passedOver.isEmpty
            ? .unreadableSnapshots(snapshots.passedOver, error) : .log(error)
    }
}
