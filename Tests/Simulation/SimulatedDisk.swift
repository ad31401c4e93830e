/// A disk with a page cache above it, as a value: what programs see, what is on the disk, and what
/// is still open between the two. Copies are cheap, so that a test may keep one for every call.
///
/// - A file's block is on the disk when a sync of the file has returned after it was written.
/// - A name is as it was when the directory was last synced. A rename between two directories is one
///   step, on the disk once the directory of the new name is synced.
package struct SimulatedDisk: Sendable {
    package typealias FileID = Int

    enum Entry: Equatable, Sendable {
        case file(FileID)
        case directory
    }

    struct Directory: Equatable, Sendable {
        var current: [String: Entry] = [:]
        var durable: [String: Entry] = [:]
    }

    struct Inode: Sendable {
        /// The path by which it was last known, for people.
        var path: String
        var current: FileContent
        var durable: FileContent
        /// Blocks that the next sync will write. One that differs and is not in here is lost, and
        /// nobody but the next power loss will say so.
        var dirty = BlockSet()
        /// Blocks for which the volume has given space.
        var allocated = BlockSet()

        /// Whether all of it is on the disk.
        var isSettled: Bool {
            dirty.isEmpty && current.hash == durable.hash
        }
    }

    /// A change of names that may not have reached the disk.
    package struct Operation: Sendable, Equatable {
        enum Change: Sendable, Equatable {
            case make(directory: String, name: String, entry: Entry)
            case remove(directory: String, name: String)
            case rename(
                directory: String, name: String, toDirectory: String, toName: String, entry: Entry)
        }
        package let number: Int
        let change: Change
    }

    /// A write that a crash interrupts.
    struct InFlight: Sendable {
        let file: FileID
        let offset: Int
        let bytes: [UInt8]
    }

    package let blockByteCount: Int
    package static let sectorByteCount = 512
    var directories: [String: Directory] = ["": Directory()]
    var inodes: [FileID: Inode] = [:]
    package private(set) var pendingOperations: [Operation] = []
    var inFlight: InFlight?
    private var nextFile = 1
    private var nextOperation = 1

    package init(blockByteCount: Int = 4096) {
        self.blockByteCount = blockByteCount
    }

    // MARK: Names

    static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    func entry(_ path: String) -> Entry? {
        if path.isEmpty { return .directory }
        let (directory, name) = Self.split(path)
        return directories[directory]?.current[name]
    }

    func file(_ path: String) -> FileID? {
        guard case .file(let file)? = entry(path) else { return nil }
        return file
    }

    mutating func createFile(_ path: String) -> FileID {
        let file = nextFile
        nextFile += 1
        let empty = FileContent(blockByteCount: blockByteCount)
        inodes[file] = Inode(path: path, current: empty, durable: empty)
        let (directory, name) = Self.split(path)
        directories[directory]!.current[name] = .file(file)
        note(.make(directory: directory, name: name, entry: .file(file)))
        return file
    }

    mutating func makeDirectory(_ path: String) {
        let (directory, name) = Self.split(path)
        directories[directory]!.current[name] = .directory
        if directories[path] == nil { directories[path] = Directory() }
        note(.make(directory: directory, name: name, entry: .directory))
    }

    mutating func remove(_ path: String) {
        let (directory, name) = Self.split(path)
        directories[directory]!.current[name] = nil
        note(.remove(directory: directory, name: name))
    }

    mutating func rename(_ source: String, to target: String) {
        let from = Self.split(source)
        let to = Self.split(target)
        let entry = directories[from.directory]!.current.removeValue(forKey: from.name)!
        directories[to.directory]!.current[to.name] = entry
        if case .file(let file) = entry { inodes[file]!.path = target }
        note(
            .rename(
                directory: from.directory, name: from.name, toDirectory: to.directory,
                toName: to.name, entry: entry))
    }

    mutating func syncDirectory(_ path: String) {
        let settled = pendingOperations.filter { $0.settledBy == path }
        for operation in settled { apply(operation.change, to: \.durable) }
        pendingOperations.removeAll { operation in
            // With a rename, all that had been done to its file before is settled, too.
            operation.settledBy == path
                || settled.contains {
                    $0.number > operation.number && $0.renamed != nil
                        && $0.renamed == operation.entry
                }
        }
    }

    private mutating func note(_ change: Operation.Change) {
        pendingOperations.append(Operation(number: nextOperation, change: change))
        nextOperation += 1
    }

    private mutating func apply(
        _ change: Operation.Change, to side: WritableKeyPath<Directory, [String: Entry]>
    ) {
        switch change {
        case .make(let directory, let name, let entry):
            directories[directory]?[keyPath: side][name] = entry
        case .remove(let directory, let name):
            directories[directory]?[keyPath: side][name] = nil
        case .rename(let directory, _, let toDirectory, let toName, let entry):
            // A file has one name: what it was called before goes, even if the change to that
            // former name was itself never settled.
            let former = directories[directory]?[keyPath: side].filter { $0.value == entry } ?? [:]
            for name in former.keys { directories[directory]![keyPath: side][name] = nil }
            directories[toDirectory]?[keyPath: side][toName] = entry
        }
    }

    // MARK: Contents

    /// Writes to the page cache; returns the blocks that were touched.
    @discardableResult
    mutating func write(_ file: FileID, _ bytes: [UInt8], at offset: Int) -> Range<Int> {
        let touched = inodes[file]!.current.write(bytes, at: offset)
        inodes[file]!.dirty.insert(touched)
        inodes[file]!.allocated.insert(touched)
        return touched
    }

    mutating func allocate(_ file: FileID, byteCount: Int) {
        let blocks = (byteCount + blockByteCount - 1) / blockByteCount
        inodes[file]!.allocated.insert(0..<blocks)
        if byteCount > inodes[file]!.current.byteCount {
            inodes[file]!.current.resize(to: byteCount)
        }
    }

    /// Puts dirty blocks on the disk: all of them, or those in a range.
    mutating func sync(_ file: FileID, blocks range: Range<Int>? = nil) {
        guard var inode = inodes.removeValue(forKey: file) else { return }
        if inode.durable.byteCount != inode.current.byteCount {
            inode.durable.resize(to: inode.current.byteCount)
        }
        if let range {
            for block in range where inode.dirty.contains(block) {
                inode.durable.setBlock(block, from: inode.current)
            }
            inode.dirty.remove(range)
        } else {
            inode.dirty.forEach { inode.durable.setBlock($0, from: inode.current) }
            inode.dirty = BlockSet()
        }
        inodes[file] = inode
    }

    /// What becomes of the pages of a file whose sync has failed.
    mutating func failSync(_ file: FileID, _ pages: PagesAfterFailure) {
        guard var inode = inodes.removeValue(forKey: file) else { return }
        if pages == .reverted {
            inode.dirty.forEach { inode.current.setBlock($0, from: inode.durable) }
        }
        inode.dirty = BlockSet()
        inodes[file] = inode
    }

    /// Space given to files that have a name, in bytes.
    package var allocatedByteCount: Int {
        var count = 0
        for directory in directories.values {
            for case .file(let file) in directory.current.values {
                count += inodes[file]!.allocated.count
            }
        }
        return count * blockByteCount
    }

    // MARK: What a crash leaves open

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
                let known = path.isEmpty ? name : "\(path)/\(name)"
                if inodes[file]!.path != known { inodes[file]!.path = known }
            }
        }
        if inodes.count > named.count { inodes = inodes.filter { named.contains($0.key) } }
    }

    // MARK: Telling states apart

    /// A number for all that the next process and the next power loss can find: names, lengths and
    /// bytes, as they are seen and as they are on the disk. What lies in files without a name is
    /// left out; `inFlight` must be landed or gone.
    package var stateHash: UInt64 {
        var sum: UInt64 = 0
        for (path, directory) in directories {
            let base = ContentHash.of(path)
            sum &+= base
            for (name, entry) in directory.current {
                sum &+= ContentHash.mix(ContentHash.mix(base, ContentHash.of(name)), hash(of: entry))
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

    private func hash(of entry: Entry) -> UInt64 {
        guard case .file(let file) = entry, let inode = inodes[file] else { return 1 }
        guard !inode.isSettled else { return inode.current.hash }
        return ContentHash.mix(
            ContentHash.mix(inode.current.hash, inode.durable.hash), inode.dirty.hash)
    }

    // MARK: The nemesis

    package func contents(_ path: String) -> [UInt8]? {
        file(path).map { file in
            inodes[file]!.current.read(at: 0, count: inodes[file]!.current.byteCount)
        }
    }

    /// Every file by its path.
    package var files: [String] {
        var paths: [String] = []
        for (directory, content) in directories {
            for case (let name, .file) in content.current {
                paths.append(directory.isEmpty ? name : "\(directory)/\(name)")
            }
        }
        return paths.sorted()
    }

    /// Changes bytes behind everybody's back, in the cache and on the disk: rot, a foreign write.
    package mutating func corrupt(_ path: String, at offset: Int, with bytes: [UInt8]) {
        guard let file = file(path) else { return }
        _ = inodes[file]!.current.write(bytes, at: offset)
        _ = inodes[file]!.durable.write(bytes, at: offset)
    }

    package mutating func flipBit(_ path: String, at offset: Int, bit: Int) {
        let byte = contents(path)![offset]
        corrupt(path, at: offset, with: [byte ^ (1 << bit)])
    }

    package mutating func truncate(_ path: String, to byteCount: Int) {
        guard let file = file(path) else { return }
        inodes[file]!.current.resize(to: byteCount)
        inodes[file]!.durable.resize(to: byteCount)
    }

    /// Removes a file, on the disk too.
    package mutating func delete(_ path: String) {
        let (directory, name) = Self.split(path)
        directories[directory]?.current[name] = nil
        directories[directory]?.durable[name] = nil
    }

    /// Makes a file, on the disk too; replaces one that is there.
    package mutating func place(_ path: String, _ bytes: [UInt8]) {
        delete(path)
        let before = pendingOperations
        let file = createFile(path)
        let (directory, name) = Self.split(path)
        directories[directory]!.durable[name] = .file(file)
        pendingOperations = before
        write(file, bytes, at: 0)
        sync(file)
    }
}

extension SimulatedDisk.Operation {
    /// The directory whose sync puts it on the disk.
    var settledBy: String {
        switch change {
        case .make(let directory, _, _), .remove(let directory, _): directory
        case .rename(_, _, let directory, _, _): directory
        }
    }

    /// What it gives a name to; nil for a removal.
    var entry: SimulatedDisk.Entry? {
        switch change {
        case .make(_, _, let entry), .rename(_, _, _, _, let entry): entry
        case .remove: nil
        }
    }

    var renamed: SimulatedDisk.Entry? {
        guard case .rename(_, _, _, _, let entry) = change else { return nil }
        return entry
    }
}
