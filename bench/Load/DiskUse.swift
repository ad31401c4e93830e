internal import Foundation

/// What a directory takes of its disk, in bytes, by the first part of the path below it.
struct DiskUse {
    private(set) var byteCounts: [String: UInt64] = [:]

    var byteCount: UInt64 { byteCounts.values.reduce(0, +) }

    /// Adds up the blocks of all files, as du does. A file that goes meanwhile counts nothing, and one
    /// that gets another name counts once.
    init(of directory: String) {
        guard let paths = FileManager.default.enumerator(atPath: directory) else { return }
        var seen: Set<UInt64> = []
        for case let path as String in paths {
            var information = stat()
            guard lstat(directory + "/" + path, &information) == 0,
                seen.insert(UInt64(information.st_ino)).inserted
            else { continue }
            let part = String(path.prefix { $0 != "/" })
            byteCounts[part, default: 0] += UInt64(information.st_blocks) * 512
        }
    }

    /// Of one part; 0 where there is no such.
    subscript(part: String) -> UInt64 { byteCounts[part] ?? 0 }
}
