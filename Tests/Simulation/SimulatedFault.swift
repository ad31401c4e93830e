internal import Glibc
package import HoldfastDisk

/// What the cache shows of a file after its sync has failed, in the ways of real file systems
/// (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).
package enum PagesAfterFailure: Sendable, CaseIterable {
    /// The new bytes, taken for written: ext4, xfs.
    case keptClean
    /// The bytes that are on the disk: btrfs.
    case reverted
}

/// A call that fails.
package struct SimulatedFault: Sendable {
    /// Which kinds of call; nil for all.
    package var calls: Set<DiskError.Call>?
    /// Part of the path; nil for all.
    package var pathPart: String?
    /// The how-manieth of these calls, from 1.
    package var position: Int
    package var code: Int32
    /// Whether all later ones fail as well.
    package var isPersistent: Bool
    /// Of a write, how many bytes were taken before it failed.
    package var writtenByteCount: Int
    package var pages: PagesAfterFailure

    package init(
        _ calls: Set<DiskError.Call>? = nil, pathPart: String? = nil, position: Int = 1,
        code: Int32, isPersistent: Bool = false, writtenByteCount: Int = 0,
        pages: PagesAfterFailure = .keptClean
    ) {
        self.calls = calls
        self.pathPart = pathPart
        self.position = position
        self.code = code
        self.isPersistent = isPersistent
        self.writtenByteCount = writtenByteCount
        self.pages = pages
    }

    func concerns(_ call: DiskError.Call, _ path: String) -> Bool {
        (calls?.contains(call) ?? true) && (pathPart.map(path.contains) ?? true)
    }
}

/// One call that was made.
package struct SimulatedCall: Sendable, Equatable, CustomStringConvertible {
    package let call: DiskError.Call
    package let path: String
    package var offset = 0
    package var byteCount = 0
    /// The error it ended with; nil where it did what it was asked.
    package var code: Int32?

    package var description: String {
        "\(call.rawValue) \(path) \(offset)+\(byteCount)" + (code.map { " error \($0)" } ?? "")
    }
}

/// A moment at which a crash may come: before a call, or while it is under way.
package struct SimulatedMoment: Sendable {
    /// How many calls had been made.
    package let callCount: Int
    package let next: SimulatedCall
    package let disk: SimulatedDisk
    /// What the test had noted last, e.g. the highest acknowledged LSN.
    package let note: UInt64
    /// What the test was doing.
    package let activity: String
}

extension DiskError.Call {
    /// Whether the call may leave the disk, or what is known of it, other than it was.
    package var changesDisk: Bool {
        switch self {
        case .create, .makeDirectory, .rename, .remove, .syncDirectory, .write, .writeDurably,
            .sync, .allocate:
            true
        case .open, .list, .space, .byteCount, .read, .lock: false
        }
    }
}

extension DiskError {
    /// The code for a volume that is full.
    package static var noSpace: Int32 { ENOSPC }
}
