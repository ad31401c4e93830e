package import HoldfastDisk

/// Why a data directory was not opened. Nothing on disk has been changed.
package enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another broker has it; nil where it has not said its process id yet.
    case inUse(by: DirectoryLock.Holder?)
    /// It holds files and no store.
    case notAStore(foreign: String)
    case otherVersion(found: UInt32, known: UInt32)
    case damagedStore(String)
    /// A segment in `log` that carries the uuid of another store.
    case foreignSegment(path: String, uuid: UniqueID, own: UniqueID)
    case badSegmentByteCount(Int)
    case disk(DiskError)

    package var description: String {
        switch self {
        case .inUse(let holder?):
            "another broker is running on this data directory (pid \(holder.processID)); stop it, "
                + "or give this one a directory of its own"
        case .inUse(nil):
            "another broker is just starting on this data directory; "
                + "give this one a directory of its own"
        case .notAStore(let foreign):
            "this directory is not empty and holds no store (it has \(foreign)); "
                + "name an empty or a new directory"
        case .otherVersion(let found, let known):
            "this store has format \(found), and this program reads format \(known) only; "
                + "use the version of Holdfast that wrote it"
        case .damagedStore(let what):
            "the file STORE is damaged: \(what); restore it from a backup of this very store"
        case .foreignSegment(let path, let uuid, let own):
            "\(path) belongs to another store (\(uuid); this one is \(own)); move it away"
        case .badSegmentByteCount(let byteCount):
            "a segment of \(byteCount) bytes is not possible: it takes a power of two from "
                + "\(LogFormat.segmentByteCountMin) to \(LogFormat.segmentByteCountMax)"
        case .disk(let error):
            error.description
        }
    }

    /// Does `body`, whose errors are the disk's.
    static func onDisk<Value>(
        _ body: () throws(DiskError) -> Value
    ) throws(StoreError) -> Value {
        do throws(DiskError) {
            return try body()
        } catch {
            throw .disk(error)
        }
    }
}
