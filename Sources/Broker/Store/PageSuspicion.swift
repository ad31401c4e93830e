package import HoldfastDisk

/// The file `SUSPECT`: a broker met a page of the state that it could not use, or a contradiction
/// between pages, and ended.
///
/// Pages are read when they are needed, so a start would find nothing wrong, serve, and end at the
/// same page again. With this file there the next start reads every page before it serves: it
/// refuses the store once and for all, or takes the file away.
package enum PageSuspicion {
    static let path = "SUSPECT"

    /// Leaves word for the next start, as well as the disk lets it.
    package static func note(_ reason: String, in fileSystem: any FileSystem) {
        do throws(DiskError) {
            let file = try fileSystem.createFile(path)
            try file.write(Array("\(reason)\n".utf8), at: 0)
            try file.sync()
            try fileSystem.syncDirectory("")
        } catch {
            // It is there from the last time, or the disk fails, which the start finds out too.
        }
    }

    static func isNoted(in fileSystem: any FileSystem) throws(DiskError) -> Bool {
        try fileSystem.list("").contains(path)
    }

    static func clear(in fileSystem: any FileSystem) throws(DiskError) {
        try fileSystem.remove(path)
        try fileSystem.syncDirectory("")
    }
}
