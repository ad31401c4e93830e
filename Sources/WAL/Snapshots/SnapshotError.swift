internal import Glibc
package import HoldfastDisk

/// Why pages or a snapshot were not read or written.
package enum SnapshotError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A snapshot of a format that this program does not know. Only `open` throws it, and it has
    /// changed nothing.
    case otherVersion(slot: Int, found: UInt32, known: UInt32)
    /// A snapshot that carries the uuid of another store. Only `open` throws it, and it has changed
    /// nothing.
    case foreign(slot: Int, uuid: UniqueID, own: UniqueID)
    /// No space, or no descriptor, for a file or its length. The snapshot is given up; the ones
    /// before are as they were, and another may be tried later.
    case full(DiskError)
    /// A write or a sync failed: what is on the disk is unknown. The store takes no snapshot more,
    /// and the process should end.
    case failed(DiskError)
    /// A read failed; nothing was changed.
    case read(DiskError)

    /// Whether the process should end.
    package var isFatal: Bool {
        switch self {
        case .otherVersion, .foreign, .failed: true
        case .full, .read: false
        }
    }

    package var description: String {
        switch self {
        case .otherVersion(let slot, let found, let known):
            "\(SnapshotLayout.slot(slot)) has format \(found), and this program reads format "
                + "\(known) only; use the version of Holdfast that wrote it"
        case .foreign(let slot, let uuid, let own):
            "\(SnapshotLayout.slot(slot)) belongs to another store (\(uuid); this one is \(own)); "
                + "move it away"
        case .full(let error): "no space for a snapshot: \(error)"
        case .failed(let error): "a snapshot cannot be written: \(error)"
        case .read(let error): "a snapshot cannot be read: \(error)"
        }
    }

    /// Does `body`, whose errors leave unknown what is on the disk.
    static func writing<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(SnapshotError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw .failed(error)
        }
    }

    /// Does `body`, which changes nothing on disk.
    static func reading<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(SnapshotError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw .read(error)
        }
    }

    /// Does `body`, which obtains names, space and descriptors that nothing refers to yet: where
    /// there are none left it is no disaster, unless it is a sync that says so.
    static func obtaining<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(SnapshotError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            guard !error.isFatal else { throw .failed(error) }
            let isExhausted =
                error.isNoSpace || [ENFILE, EMFILE, ENOMEM, EFBIG, EMLINK].contains(error.code)
            throw isExhausted ? .full(error) : .failed(error)
        }
    }
}
