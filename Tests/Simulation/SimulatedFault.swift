internal import Glibc
package import HoldfastDisk

/// What the cache shows of a file after its sync has failed, in the ways of real file systems
/// (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).
package enum PagesAfterFailure: Sendable, CaseIterable {
    /// The new bytes, taken for written: ext4, xfs.
    case keptClean
    /// The bytes that are on the disk: btrfs.
    case reverted
    /// The new bytes, still to be written: the next sync does it.
    case keptDirty
}

/// A call that fails, or that lies.
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
    /// Whether of writes only those count that need space which the volume has not given yet.
    package var isOfObtaining = false
    /// Whether the call is done, and from then on the volume gives no block more, to files or directories.
    package var fillsVolume = false
    /// What it does instead of failing.
    package var lie: SimulatedLie?

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

    /// A call that lies.
    package init(
        _ lie: SimulatedLie, pathPart: String? = nil, position: Int = 1, isPersistent: Bool = false
    ) {
        self.init(
            lie.calls, pathPart: pathPart, position: position, code: 0, isPersistent: isPersistent)
        self.lie = lie
    }

    /// The volume has no block left when the call comes, nor has a directory room for a longer list of names.
    package static func fullVolume(position: Int) -> SimulatedFault {
        var fault = SimulatedFault(position: position, code: DiskError.noSpace)
        fault.fillsVolume = true
        return fault
    }

    /// The volume has no inode left: nothing can be made, and writes go on.
    package static func noInodes(position: Int) -> SimulatedFault {
        SimulatedFault(
            [.create, .makeDirectory], position: position, code: DiskError.noSpace,
            isPersistent: true)
    }

    package func concerns(_ call: SimulatedCall) -> Bool {
        (calls?.contains(call.call) ?? true) && (pathPart.map(call.path.contains) ?? true)
            && (!isOfObtaining || call.obtainsSpace || !call.call.isWrite)
    }
}

/// One call that was made.
package struct SimulatedCall: Sendable, Equatable, CustomStringConvertible {
    package let call: DiskError.Call
    package var path: String
    package var offset = 0
    package var byteCount = 0
    /// Whether it needs space, or a name, that the volume has not given yet.
    package var obtainsSpace = false
    /// The error it ended with; nil where it did what it was asked.
    package var code: Int32?

    package var description: String {
        "\(call.rawValue) \(path) \(offset)+\(byteCount)" + (code.map { " error \($0)" } ?? "")
    }
}

/// A call that failed, or lied, because a test wanted it so.
package struct SimulatedHit: Sendable {
    /// Of a misdirected write there are two: where it was to go, and where it went. Of a flipped
    /// read it is the one byte.
    package internal(set) var call: SimulatedCall
    /// nil where it failed.
    package let lie: SimulatedLie?
    /// What the test was doing.
    package let activity: String
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

    var isWrite: Bool { self == .write || self == .writeDurably }
}

extension DiskError {
    /// The code for a volume that is full.
    package static var noSpace: Int32 { ENOSPC }
    /// The code for a user's share that is used up.
    package static var quotaExceeded: Int32 { EDQUOT }
}
