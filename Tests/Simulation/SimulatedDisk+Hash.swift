extension SimulatedDisk {
    /// A number for all that the next process and the next power loss can find: names, lengths and
    /// bytes, as they are seen and as they are on the disk. What lies in files without a name is
    /// left out; `inFlight` must be landed or gone.
    package var stateHash: UInt64 {
        var sum: UInt64 = 0
        for (path, directory) in directories {
            let base = ContentHash.of(path)
            sum &+= base
            for (name, entry) in directory.current {
                sum &+= ContentHash.mix(
                    ContentHash.mix(base, ContentHash.of(name)), hash(of: entry))
            }
            // After a power loss the two are the same.
            guard directory.durable != directory.current else { continue }
            for (name, entry) in directory.durable {
                sum &+= ContentHash.mix(
                    ContentHash.mix(~base, ContentHash.of(name)), hash(of: entry))
            }
        }
        return sum
    }

    /// The same for what programs see, less some files.
    package func visibleHash(ignoring ignored: Set<String>) -> UInt64 {
        var sum: UInt64 = 0
        for (path, directory) in directories {
            for (name, entry) in directory.current
            where !ignored.contains(path.isEmpty ? name : "\(path)/\(name)") {
                var hash: UInt64 = 1
                if case .file(let file) = entry { hash = inodes[file]?.current.hash ?? 0 }
                sum &+= ContentHash.mix(
                    ContentHash.mix(ContentHash.of(path), ContentHash.of(name)), hash)
            }
        }
        return sum
    }

    private func hash(of entry: Entry) -> UInt64 {
        guard case .file(let file) = entry, let inode = inodes[file] else { return 1 }
        guard !inode.isSettled else { return inode.current.hash }
        return ContentHash.mix(
            ContentHash.mix(inode.current.hash, inode.durable.hash), inode.dirty.hash)
    }
}
