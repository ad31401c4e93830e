internal import Glibc

/// A call about a file that the kernel turned down: which call, on what, and why.
package struct DiskError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Call: String, Sendable, CaseIterable {
        case open, create, makeDirectory, rename, remove, list, syncDirectory, space
        case byteCount, read, write, writeDurably, sync, allocate, lock
    }

    package let call: Call
    package let path: String
    /// The kernel's number for the reason.
    package let code: Int32

    package init(_ call: Call, _ path: String, code: Int32) {
        self.call = call
        self.path = path
        self.code = code
    }

    package var isNotFound: Bool { code == ENOENT }
    package var isAlreadyThere: Bool { code == EEXIST }

    /// Whether the process or the machine is short of something: that says nothing of the file.
    package var isShortage: Bool { code == EMFILE || code == ENFILE || code == ENOMEM }

    /// Whether the volume, or this user's share of it, is full. From a call that needs no space that is
    /// no full volume, which somebody can make room on, but a broken one.
    package var isNoSpace: Bool { call.mayNeedSpace && (code == ENOSPC || code == EDQUOT) }

    /// Whether after this error nobody knows what is on the disk, so that the only right thing is
    /// to stop and to recover from the disk itself (Rebello et al., "Can Applications Recover from
    /// fsync Failures?", 2020). True of every failed sync and of every failed write; a full volume
    /// is survivable only where space is obtained, by `create` and `allocate`.
    package var isFatal: Bool {
        switch call {
        case .write, .writeDurably, .sync, .syncDirectory: true
        case .open, .create, .makeDirectory, .rename, .remove, .list, .space, .byteCount, .read,
            .allocate, .lock:
            false
        }
    }

    package var description: String {
        "\(call.rawValue) \(path.isEmpty ? "." : path): \(String(cString: strerror(code)))"
    }
}

extension DiskError.Call {
    /// Removing too: it writes a directory anew on a file system that never overwrites.
    fileprivate var mayNeedSpace: Bool {
        switch self {
        case .open, .list, .space, .byteCount, .read, .lock: false
        case .create, .makeDirectory, .rename, .remove, .allocate: true
        case .write, .writeDurably, .sync, .syncDirectory: true
        }
    }
}

extension DiskError {
    /// The code for "the disk gave something else than what is on it".
    package static var inputOutput: Int32 { EIO }
}
