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
    package internal(set) var pendingOperations: [Operation] = []
    var inFlight: InFlight?
    private var nextFile = 1
    private var nextOperation = 1

    package init(blockByteCount: Int = 4096) {
        self.blockByteCount = blockByteCount
    }

    // MARK: Names

    static func split(_ path: String) -> (directory: String, name: String) {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (
            String(path[..<slash]), String(path[bytes.index(after: slash)...])
        )
    }

    /// What the names in each directory take, in bytes, by its path.
    package var nameByteCounts: [String: Int] {
        directories.mapValues { $0.current.keys.reduce(0) { $0 + $1.utf8.count } }
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
        inodes[file] = Inode(path: path, content: empty)
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

    mutating func apply(
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

    /// What a zeroing leaves that was given up halfway: some blocks are as they were, others gone.
    mutating func loseEverySecondBlock(of file: FileID) {
        guard let count = inodes[file]?.current.blockCount else { return }
        for block in stride(from: 0, to: count, by: 2) {
            let zeros = [UInt8](repeating: 0, count: blockByteCount)
            write(file, zeros, at: block * blockByteCount)
            inodes[file]!.allocated.remove(block..<block + 1)
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

    /// What becomes of the pages of a file whose sync has failed, or said yes and done nothing: all
    /// that are dirty, or those in a range.
    mutating func failSync(
        _ file: FileID, _ pages: PagesAfterFailure, blocks range: Range<Int>? = nil
    ) {
        if pages == .keptDirty { return }
        guard var inode = inodes.removeValue(forKey: file) else { return }
        if pages == .reverted {
            inode.dirty.forEach { block in
                guard range?.contains(block) ?? true else { return }
                inode.current.setBlock(block, from: inode.durable)
            }
        }
        if let range { inode.dirty.remove(range) } else { inode.dirty = BlockSet() }
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
