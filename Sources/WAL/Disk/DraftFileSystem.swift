internal import Glibc
internal import Synchronization

/// Files as they would be: what is changed stays in memory, and the files below are only ever read.
/// So whoever writes to it can be watched doing it, on a directory that may only be read too.
///
/// Memory is bounded by what is written; whole blocks of zeros beyond the files below take none. A
/// lock is always granted: nobody else sees the draft. What is below must not change meanwhile.
package final class DraftFileSystem: FileSystem {
    private enum Entry {
        case gone
        case directory
        case file(DraftContent)
    }

    private let base: any FileSystem
    /// What is not as it is below, and files that were opened, by path.
    private let entries = Mutex<[String: Entry]>([:])

    package init(_ base: any FileSystem) {
        self.base = base
    }

    package var rootPath: String { base.rootPath }
    package var blockByteCount: Int { base.blockByteCount }

    package func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File {
        try entries.withLock { entries throws(DiskError) in
            let content = try content(path, .open, &entries)
            let below = try content.basePath.map { base throws(DiskError) in
                try self.base.openFile(
                    base, for: access == .readingPastCache ? .readingPastCache : .reading)
            }
            return DraftFile(path: path, content: content, below: below)
        }
    }

    package func createFile(_ path: String) throws(DiskError) -> any File {
        try entries.withLock { entries throws(DiskError) in
            guard try !exists(path, entries) else { throw DiskError(.create, path, code: EEXIST) }
            let content = DraftContent(basePath: nil, byteCount: 0)
            entries[path] = .file(content)
            return DraftFile(path: path, content: content, below: nil)
        }
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        try entries.withLock { entries throws(DiskError) in
            guard try !exists(path, entries) else {
                throw DiskError(.makeDirectory, path, code: EEXIST)
            }
            entries[path] = .directory
        }
    }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        try entries.withLock { entries throws(DiskError) in
            entries[target] = .file(try content(source, .rename, &entries))
            entries[source] = .gone
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        try entries.withLock { entries throws(DiskError) in
            guard try exists(path, entries) else { throw DiskError(.remove, path, code: ENOENT) }
            entries[path] = .gone
        }
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        try entries.withLock { entries throws(DiskError) in
            var names: Set<String> = []
            if case .directory = entries[directory] {
            } else {
                names = Set(try base.list(directory))
            }
            for (path, entry) in entries {
                let (parent, name) = Self.split(path)
                guard parent == directory else { continue }
                if case .gone = entry { names.remove(name) } else { names.insert(name) }
            }
            return names.sorted()
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {}

    package func space() throws(DiskError) -> VolumeSpace { try base.space() }

    private func content(
        _ path: String, _ call: DiskError.Call, _ entries: inout [String: Entry]
    ) throws(DiskError) -> DraftContent {
        switch entries[path] {
        case .file(let content): return content
        case .gone: throw DiskError(call, path, code: ENOENT)
        case .directory: throw DiskError(call, path, code: EISDIR)
        case nil: break
        }
        let byteCount = try base.openFile(path, for: .reading).byteCount()
        let content = DraftContent(basePath: path, byteCount: byteCount)
        entries[path] = .file(content)
        return content
    }

    private func exists(_ path: String, _ entries: [String: Entry]) throws(DiskError) -> Bool {
        switch entries[path] {
        case .file, .directory: return true
        case .gone: return false
        case nil: break
        }
        let (parent, name) = Self.split(path)
        if case .directory = entries[parent] { return false }
        do throws(DiskError) {
            return try base.list(parent).contains(name)
        } catch {
            if error.isNotFound { return false }
            throw error
        }
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}

/// What a file of a draft holds, under whatever name.
private final class DraftContent: Sendable {
    static let blockByteCount = 4096

    struct State {
        var byteCount: Int
        /// Blocks that were written, by number.
        var blocks: [Int: [UInt8]] = [:]
    }

    /// The file below, which says all that was not written since; nil where there is none.
    let basePath: String?
    let baseByteCount: Int
    let state: Mutex<State>

    init(basePath: String?, byteCount: Int) {
        self.basePath = basePath
        baseByteCount = byteCount
        state = Mutex(State(byteCount: byteCount))
    }
}

private final class DraftFile: File {
    let path: String
    private let content: DraftContent
    private let below: (any File)?

    init(path: String, content: DraftContent, below: (any File)?) {
        self.path = path
        self.content = content
        self.below = below
    }

    func byteCount() throws(DiskError) -> Int { content.state.withLock { $0.byteCount } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try content.state.withLock { state throws(DiskError) in
            let count = min(buffer.count, max(0, state.byteCount - offset))
            guard count > 0 else { return 0 }
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            if state.blocks.isEmpty {
                try readBelow(part, offset)
                return count
            }
            var done = 0
            while done < count {
                let (number, start) = Self.place(offset + done)
                var end = min(count, done + DraftContent.blockByteCount - start)
                if let block = state.blocks[number] {
                    block.withUnsafeBytes { block in
                        UnsafeMutableRawBufferPointer(rebasing: part[done..<end])
                            .copyMemory(
                                from: UnsafeRawBufferPointer(
                                    rebasing: block[start..<start + end - done]))
                    }
                } else {
                    // In one go as far as nothing was written.
                    while end < count, state.blocks[Self.place(offset + end).number] == nil {
                        end = min(count, end + DraftContent.blockByteCount)
                    }
                    try readBelow(
                        UnsafeMutableRawBufferPointer(rebasing: part[done..<end]), offset + done)
                }
                done = end
            }
            return count
        }
    }

    private static func place(_ offset: Int) -> (number: Int, start: Int) {
        (offset / DraftContent.blockByteCount, offset % DraftContent.blockByteCount)
    }

    /// Behind the end of the file below there are zeros.
    private func readBelow(
        _ buffer: UnsafeMutableRawBufferPointer, _ offset: Int
    ) throws(DiskError) {
        var done = 0
        if let below, offset < content.baseByteCount {
            let count = min(buffer.count, content.baseByteCount - offset)
            done = try below.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            .initializeMemory(as: UInt8.self, repeating: 0)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try content.state.withLock { state throws(DiskError) in
            var done = 0
            while done < bytes.count {
                let (number, start) = Self.place(offset + done)
                let end = min(bytes.count, done + DraftContent.blockByteCount - start)
                let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<end])
                try write(piece, number, start, &state)
                done = end
            }
            state.byteCount = max(state.byteCount, offset + bytes.count)
        }
    }

    private func write(
        _ piece: UnsafeRawBufferPointer, _ number: Int, _ start: Int,
        _ state: inout DraftContent.State
    ) throws(DiskError) {
        let first = number * DraftContent.blockByteCount
        var block: [UInt8]
        if let written = state.blocks[number] {
            block = written
        } else {
            if first >= content.baseByteCount, piece.allSatisfy({ $0 == 0 }) { return }
            block = [UInt8](repeating: 0, count: DraftContent.blockByteCount)
            if piece.count < block.count {
                let result = block.withUnsafeMutableBytes { buffer in
                    Result { () throws(DiskError) in try readBelow(buffer, first) }
                }
                try result.get()
            }
        }
        block.withUnsafeMutableBytes { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + piece.count])
                .copyMemory(from: piece)
        }
        state.blocks[number] = block
    }

    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try write(bytes, at: offset)
    }

    func sync() throws(DiskError) {}

    func allocate(byteCount: Int) throws(DiskError) {
        content.state.withLock { $0.byteCount = max($0.byteCount, byteCount) }
    }

    func lock() throws(DiskError) -> Bool { true }
}
