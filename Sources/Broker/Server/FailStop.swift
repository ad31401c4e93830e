internal import Glibc

/// How the broker ends when it can no longer keep its promises: at once, with nothing more said to
/// any client. What was acknowledged is on the disk; the next start reads the disk and not this
/// process's memory, which may be ahead of it.
///
/// After a failed fdatasync the kernel may mark the lost pages clean, so a second call succeeds
/// with the data gone (Rebello et al., "Can Applications Recover from fsync Failures?", 2020):
/// there is nothing to retry.
package enum FailStop {
    /// The process's exit codes, after sysexits.h where it has a fitting one.
    package enum ExitCode: Int32 {
        /// Bad arguments or settings.
        case usage = 64
        /// The data directory was refused: another version, foreign files, or damage.
        case dataRefused = 65
        /// The address is in use or cannot be bound.
        case address = 69
        /// The state contradicts itself: a fault of this program, or of what wrote the store.
        case stateContradicts = 70
        /// A write into the log or a sync failed.
        case storageFailed = 74
        /// Another broker holds the data directory.
        case locked = 75
    }

    /// Ends the process now. No buffers are flushed, no handlers run, no replies leave.
    package static func exit(_ code: ExitCode, _ message: String) -> Never {
        var line = "holdfast: fatal: " + message + "\n"
        line.withUTF8 { bytes in
            _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
        _exit(code.rawValue)
    }
}
