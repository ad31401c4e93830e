internal import HoldfastDisk
internal import Synchronization

/// Names that a directory keeps so that it has room for others. A directory that has to grow takes a block
/// for that, and on a full volume there is none: then a file cannot be renamed into it, however many
/// blocks of its own it has.
///
/// A kept name is an empty file with a long name. One that goes leaves room for several names of
/// segments where the file system puts them: xfs holds few names in the directory's inode and then many
/// in one block; ext4 has blocks of some hundred names, in one of which each name has its place. Decision 7 has
/// the measurements.
///
/// Any thread may call.
final class NameReserve: Sendable {
    private struct Names {
        var kept: [Int] = []
        /// Whether there are fewer than there should be, because there was no room for one.
        var isRefused = false
        /// Whether none is to be tried before somebody has looked at the volume.
        var isPausing = false
    }

    /// So many there should be.
    let countTarget: Int
    private let directory: String
    private let fileSystem: any FileSystem
    private let names: Mutex<Names>

    /// Looks at what is there; changes nothing.
    init(
        in directory: String, of fileSystem: any FileSystem, countTarget: Int
    ) throws(DiskError) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.countTarget = countTarget
        let kept = try fileSystem.list(directory).compactMap(DirectoryLayout.keptNumber(ofName:))
        names = Mutex(Names(kept: kept.sorted()))
    }

    var count: Int { names.withLock { $0.kept.count } }

    /// Whether there are fewer than there should be because the volume is full.
    var isRefused: Bool { names.withLock { $0.isRefused } }

    /// The volume may have room again for what it refused.
    func retryRefused() { names.withLock { $0.isPausing = false } }

    /// Renames a file into the directory. Where there is no room for its name, kept ones go until there is.
    ///
    /// The directory is not synced.
    func rename(_ source: String, to target: String) throws(DiskError) {
        while true {
            do throws(DiskError) {
                return try fileSystem.rename(source, to: target)
            } catch {
                guard error.isNoSpace, try giveOne() else { throw error }
            }
        }
    }

    /// - Returns: whether there was one, or should have been; false also where the volume has no room even
    ///   for removing one.
    private func giveOne() throws(DiskError) -> Bool {
        guard let number = names.withLock({ $0.kept.popLast() }) else { return false }
        do throws(DiskError) {
            try fileSystem.remove(path(number))
        } catch {
            if error.isNoSpace { return false }
            // Somebody has deleted it, which does no harm but to the reserve.
            if !error.isNotFound { throw error }
        }
        return true
    }

    /// Makes those that are missing, as far as the volume has room.
    ///
    /// - Returns: whether it made any.
    func restore() throws(DiskError) -> Bool {
        let missing = names.withLock { names in
            let missing = (1...countTarget).filter { !names.kept.contains($0) }
            if missing.isEmpty { names.isRefused = false }
            return names.isPausing ? [] : missing
        }
        guard !missing.isEmpty else { return false }
        var made: [Int] = []
        for number in missing {
            guard try make(number) else { break }
            made.append(number)
        }
        if !made.isEmpty { try fileSystem.syncDirectory(directory) }
        let found = made
        names.withLock { names in
            names.kept += found
            names.isRefused = found.count < missing.count
            names.isPausing = names.isRefused
        }
        return !found.isEmpty
    }

    /// - Returns: whether there was room.
    private func make(_ number: Int) throws(DiskError) -> Bool {
        do throws(DiskError) {
            _ = try fileSystem.createFile(path(number))
        } catch {
            if error.isNoSpace { return false }
            // One that was to go and did not, or has not gone yet.
            if !error.isAlreadyThere { throw error }
        }
        return true
    }

    private func path(_ number: Int) -> String {
        "\(directory)/\(DirectoryLayout.keptName(number))"
    }
}
