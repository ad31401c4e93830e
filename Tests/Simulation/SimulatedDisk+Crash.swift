// What a crash leaves open, and the disk after one.
extension SimulatedDisk {
    /// A thing that a power loss may decide either way.
    package enum Undecided: Sendable, Hashable {
        /// A block of a file: old, new, or neither.
        case block(file: FileID, index: Int)
        /// A file's length: old or new, whatever becomes of its blocks.
        case byteCount(file: FileID)
        /// A change of names.
        case operation(number: Int)
    }

    /// What is neither surely on the disk nor surely not, in a fixed order.
    package var undecided: [Undecided] {
        let disk = landed()
        var result = disk.pendingOperations.map { Undecided.operation(number: $0.number) }
        for (file, inode) in disk.inodes.sorted(by: { $0.key < $1.key }) where !inode.isSettled {
            if inode.current.byteCount != inode.durable.byteCount {
                result.append(.byteCount(file: file))
            }
            let count = max(inode.current.blockCount, inode.durable.blockCount)
            for index in 0..<count
            where !inode.current.hasSameBlock(index, as: inode.durable)
                || inode.dirty.contains(index)
            {
                result.append(.block(file: file, index: index))
            }
        }
        return result
    }

    package func path(of file: FileID) -> String {
        inodes[file]?.path ?? "?"
    }

    /// The disk after the power was lost and came back. What `choices` do not name stays old.
    package func afterPowerLoss(_ choices: CrashChoices) -> SimulatedDisk {
        var disk = landed()
        for operation in disk.pendingOperations
        where choices.operations.contains(operation.number) {
            disk.apply(operation.change, to: \.durable)
        }
        disk.pendingOperations = []
        for file in disk.inodes.filter({ !$0.value.isSettled }).keys {
            guard var inode = disk.inodes.removeValue(forKey: file) else { continue }
            var settled = inode.durable
            let hasNewByteCount = choices.newByteCounts.contains(file)
            if hasNewByteCount { settled.resize(to: inode.current.byteCount) }
            for index in 0..<settled.blockCount {
                guard let fate = choices.blocks[BlockKey(file: file, index: index)] else {
                    continue
                }
                switch fate {
                case .old: settled.setBlock(index, from: inode.durable)
                case .new: settled.setBlock(index, from: inode.current)
                case .torn, .zero, .garbage:
                    settled.setBlock(
                        index,
                        fate.content(
                            old: inode.durable.block(index), new: inode.current.block(index)))
                }
            }
            inode.durable = settled
            inode.current = settled
            inode.dirty = BlockSet()
            inode.allocated = BlockSet(below: settled.blockCount)
            disk.inodes[file] = inode
        }
        disk.settleNames()
        return disk
    }

    /// The disk as the next process finds it after this one was killed: nothing that was written is
    /// gone, and nothing that was not synced is any safer.
    ///
    /// - Parameter inFlightByteCount: how much of an interrupted write had been taken.
    package func afterKill(inFlightByteCount: Int = .max) -> SimulatedDisk {
        var disk = self
        if let write = inFlight {
            // The kernel stops between pages, not within one.
            let wanted = min(inFlightByteCount, write.bytes.count)
            let taken = wanted == write.bytes.count ? wanted : wanted / 4096 * 4096
            disk.write(write.file, Array(write.bytes[..<taken]), at: write.offset)
            disk.inFlight = nil
        }
        return disk
    }

    /// How long the interrupted write is; 0 where none is.
    package var inFlightByteCount: Int { inFlight?.bytes.count ?? 0 }

    /// What the interrupted write was about to write, where to, and of which file.
    package var inFlightWrite: (path: String, offset: Int, bytes: [UInt8])? {
        inFlight.map { (path(of: $0.file), $0.offset, $0.bytes) }
    }

    /// The disk with the interrupted write taken to the end, and nothing of it safe.
    package func landed() -> SimulatedDisk {
        guard let write = inFlight else { return self }
        var disk = self
        disk.write(write.file, write.bytes, at: write.offset)
        disk.inFlight = nil
        return disk
    }

    /// Without making the path: this is asked of every file for every state.
    private static func isPath(_ path: String, of name: String, in directory: String) -> Bool {
        let bytes = path.utf8
        guard !directory.isEmpty else { return path == name }
        let start = directory.utf8.count + 1
        return bytes.count == start + name.utf8.count
            && bytes.dropFirst(start).elementsEqual(name.utf8)
            && bytes.starts(with: directory.utf8)
    }

    /// After a power loss there is no cache: what the directories say is what is on the disk.
    private mutating func settleNames() {
        for (path, directory) in directories where directory.current != directory.durable {
            directories[path]!.current = directory.durable
        }
        // A directory whose own name was lost is gone with all that is in it.
        for path in directories.keys.sorted() where !path.isEmpty && entry(path) != .directory {
            directories[path] = nil
        }
        var named: Set<FileID> = []
        for (path, directory) in directories {
            for (name, entry) in directory.current {
                guard case .file(let file) = entry else { continue }
                named.insert(file)
                if !Self.isPath(inodes[file]!.path, of: name, in: path) {
                    inodes[file]!.path = path.isEmpty ? name : "\(path)/\(name)"
                }
            }
        }
        if inodes.count > named.count { inodes = inodes.filter { named.contains($0.key) } }
    }
}
