internal import Foundation
internal import HoldfastHarness

/// Whether a file system like btrfs writes over the blocks of a file, or of those that will be made in a
/// directory, instead of to other places.
enum CopyOnWrite {
    /// FS_IOC_GETFLAGS of linux/fs.h, `_IOR('f', 1, long)`, with eight bytes in a long; Swift sees neither.
    private static let getFlags: UInt = 0x8008_6601
    /// FS_NOCOW_FL.
    private static let noCopyOnWrite: Int32 = 0x0080_0000

    static func isOff(_ path: String) throws -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        // An int, whatever the name of the call says.
        var flags: Int32 = 0
        guard file >= 0, ioctl(file, getFlags, &flags) == 0 else {
            throw TestFault("\(path) does not tell its flags: \(String(cString: strerror(errno)))")
        }
        return flags & noCopyOnWrite != 0
    }
}
