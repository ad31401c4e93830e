internal import Glibc
package import HoldfastDisk
internal import Synchronization

/// The twin of the kernel's files, in memory, that does the worst which `FileSystem` allows. One
/// number repeats whatever it does: it has no source of chance of its own.
package final class SimulatedFileSystem: FileSystem {
    package let blockByteCount: Int
    private let state: Mutex<SimulatedState>

    /// - Parameter disk: what is there at the beginning; the disk after a crash, for example.
    package init(_ disk: SimulatedDisk = SimulatedDisk()) {
        blockByteCount = disk.blockByteCount
        state = Mutex(SimulatedState(disk: disk))
    }

    package var rootPath: String { "simulated" }

    // MARK: What tests set and ask

    /// The disk at this moment.
    package var disk: SimulatedDisk {
        get { state.withLock { $0.disk } }
        set { state.withLock { $0.disk = newValue } }
    }

    /// All calls so far, as far as they are kept.
    package var calls: [SimulatedCall] { state.withLock { $0.calls } }

    /// Whether each call is written down.
    package var keepsCalls: Bool {
        get { state.withLock { $0.keepsCalls } }
        set { state.withLock { $0.keepsCalls = newValue } }
    }

    /// Bytes that the volume has; nil for no end.
    package var capacityByteCount: Int? {
        get { state.withLock { $0.capacityByteCount } }
        set { state.withLock { $0.capacityByteCount = newValue } }
    }

    /// Bytes of names that a directory has room for, by its path; no end where it is not named. A rename within
    /// one takes the room of both names for a moment.
    package var nameByteCountMax: [String: Int] {
        get { state.withLock { $0.nameByteCountMax } }
        set { state.withLock { $0.nameByteCountMax = newValue } }
    }

    /// Whether syncs say yes and do nothing: visible now, gone at the next power loss.
    package var isLying: Bool {
        get { state.withLock { $0.isLying } }
        set { state.withLock { $0.isLying = newValue } }
    }

    /// Whether a copy of the disk is kept for each moment at which a crash may come.
    package var keepsMoments: Bool {
        get { state.withLock { $0.keepsMoments } }
        set { state.withLock { $0.keepsMoments = newValue } }
    }

    package var moments: [SimulatedMoment] { state.withLock { $0.moments } }

    /// Kept with every moment.
    package var note: UInt64 {
        get { state.withLock { $0.note } }
        set { state.withLock { $0.note = newValue } }
    }

    /// What is being done, in a word; kept with every moment.
    package var activity: String {
        get { state.withLock { $0.activity } }
        set { state.withLock { $0.activity = newValue } }
    }

    /// Whether it zeroes files without writing them, as not every file system can.
    package var notesZeros: Bool {
        get { state.withLock { $0.notesZeros } }
        set { state.withLock { $0.notesZeros = newValue } }
    }

    package func forgetMoments() {
        state.withLock { $0.moments = [] }
    }

    package func fail(_ fault: SimulatedFault) {
        state.withLock { $0.faults.append((fault, 0)) }
    }

    /// From now on all calls do what they are asked; a volume that was filled has space again,
    /// and directories can grow.
    package func clearFaults() {
        state.withLock { state in
            if state.faults.contains(where: \.fault.fillsVolume) { state.capacityByteCount = nil }
            state.faults = []
            state.nameByteCountMax = [:]
            state.lateErrors = [:]
        }
    }

    /// The calls that failed or lied because of a fault, in their order.
    package var hits: [SimulatedHit] { state.withLock { $0.hits } }

    /// Does something of which faults know nothing: no call of it is counted, written down or fails.
    package func sparing<Value>(_ body: () throws -> Value) rethrows -> Value {
        let before = state.withLock { state in
            defer { state.isSparing = true }
            return state.isSparing
        }
        defer { state.withLock { $0.isSparing = before } }
        return try body()
    }

    // MARK: FileSystem

    package func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File {
        try call(.open, path) { state throws(DiskError) in
            guard let file = state.disk.file(path) else {
                throw DiskError(.open, path, code: ENOENT)
            }
            return self.opening(file, path, &state)
        }
    }

    package func createFile(_ path: String) throws(DiskError) -> any File {
        try call(.create, path) { state throws(DiskError) in
            guard state.disk.entry(path) == nil else {
                throw DiskError(.create, path, code: EEXIST)
            }
            guard state.disk.entry(SimulatedDisk.split(path).directory) == .directory else {
                throw DiskError(.create, path, code: ENOENT)
            }
            try state.requireRoom(forNameOf: path, .create)
            return self.opening(state.disk.createFile(path), path, &state)
        }
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        try call(.makeDirectory, path) { state throws(DiskError) in
            guard state.disk.entry(path) == nil else {
                throw DiskError(.makeDirectory, path, code: EEXIST)
            }
            state.disk.makeDirectory(path)
        }
    }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        try call(.rename, target) { state throws(DiskError) in
            guard state.disk.file(source) != nil else {
                throw DiskError(.rename, source, code: ENOENT)
            }
            try state.requireRoom(forNameOf: target, .rename)
            state.disk.rename(source, to: target)
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        try call(.remove, path) { state throws(DiskError) in
            guard state.disk.file(path) != nil else { throw DiskError(.remove, path, code: ENOENT) }
            state.disk.remove(path)
        }
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        try call(.list, directory) { state throws(DiskError) in
            guard state.disk.entry(directory) == .directory,
                let content = state.disk.directories[directory]
            else { throw DiskError(.list, directory, code: ENOENT) }
            return content.current.keys.sorted()
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        try call(.syncDirectory, path) { state throws(DiskError) in
            if !state.isLying { state.disk.syncDirectory(path) }
        }
    }

    package func space() throws(DiskError) -> VolumeSpace {
        try call(.space, "") { state throws(DiskError) in
            let endless = 1 << 40
            return VolumeSpace(
                byteCount: state.capacityByteCount ?? endless,
                freeByteCount: state.freeByteCount
                    ?? max(0, endless - state.disk.allocatedByteCount))
        }
    }

    // MARK: Calls

    private func opening(
        _ file: SimulatedDisk.FileID, _ path: String, _ state: inout SimulatedState
    ) -> any File {
        state.nextOpening += 1
        return SimulatedFile(self, file, path, opening: state.nextOpening)
    }

    /// One call: noted, failed where a test wants it, and done.
    private func call<Value: Sendable>(
        _ call: DiskError.Call, _ path: String, offset: Int = 0, byteCount: Int = 0,
        file: SimulatedDisk.FileID? = nil,
        failing: (inout SimulatedState, SimulatedFault) -> Void = { _, _ in },
        _ body: (inout SimulatedState) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        let result = state.withLock { state -> Result<Value, DiskError> in
            var entry = SimulatedCall(call: call, path: path, offset: offset, byteCount: byteCount)
            if state.isSparing { return Result { () throws(DiskError) in try body(&state) } }
            if state.keepsMoments { state.keepMoment(before: entry) }
            entry.obtainsSpace = state.obtainsSpace(entry, file)
            let hit = state.takeFault(entry, file)
            let result: Result<Value, DiskError>
            state.lie = hit?.lie
            if let hit, hit.lie == nil {
                failing(&state, hit)
                result = .failure(DiskError(call, path, code: hit.code))
            } else {
                result = Result { () throws(DiskError) in try body(&state) }
            }
            state.lie = nil
            if case .failure(let error) = result { entry.code = error.code }
            state.made(entry, isHit: hit != nil)
            return result
        }
        return try result.get()
    }

    // MARK: Files

    fileprivate func byteCount(_ file: SimulatedFile) throws(DiskError) -> Int {
        try call(.byteCount, file.path) { state throws(DiskError) in
            state.disk.inodes[file.file]?.current.byteCount ?? 0
        }
    }

    fileprivate func read(
        _ file: SimulatedFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(DiskError) -> Int {
        try call(.read, file.path, offset: offset, byteCount: buffer.count) {
            state throws(DiskError) in
            guard let inode = state.disk.inodes[file.file] else { return 0 }
            let count = inode.current.read(into: buffer, at: offset)
            switch state.lie {
            case .flippedRead(let bit) where count > 0:
                let place = bit / 8 % count
                buffer[place] ^= 1 << UInt8(bit % 8)
                state.hits[state.hits.count - 1].call.offset = offset + place
                state.hits[state.hits.count - 1].call.byteCount = 1
                return count
            case .shortRead(let byteCount): return min(count, byteCount)
            default: return count
            }
        }
    }

    fileprivate func write(
        _ file: SimulatedFile, _ bytes: UnsafeRawBufferPointer, at offset: Int, durably: Bool
    ) throws(DiskError) {
        let content = [UInt8](bytes)
        let kind: DiskError.Call = durably ? .writeDurably : .write
        try call(kind, file.path, offset: offset, byteCount: bytes.count, file: file.file) {
            state, fault in
            let taken = Array(content.prefix(fault.writtenByteCount))
            if !taken.isEmpty { state.disk.write(file.file, taken, at: offset) }
            if durably {
                // The write was taken and its sync failed: as bad as any.
                state.disk.write(file.file, content, at: offset)
                state.disk.failSync(file.file, fault.pages)
            }
        } _: { state throws(DiskError) in
            if state.keepsMoments {
                let entry = SimulatedCall(
                    call: kind, path: file.path, offset: offset, byteCount: content.count)
                state.keepMoment(
                    before: entry,
                    inFlight: SimulatedDisk.InFlight(
                        file: file.file, offset: offset, bytes: content))
            }
            let fitting = state.room(for: content.count, at: offset, in: file.file)
            if let lie = state.lie, fitting == content.count {
                state.tell(lie, file.file, content, at: offset, durably: durably)
                return
            }
            let touched = state.disk.write(
                file.file, fitting == content.count ? content : Array(content.prefix(fitting)),
                at: offset)
            guard fitting == content.count else {
                throw DiskError(kind, file.path, code: ENOSPC)
            }
            if durably, !state.isLying { state.disk.sync(file.file, blocks: touched) }
            if durably, state.isLying { state.disk.failSync(file.file, .keptClean) }
        }
    }

    fileprivate func sync(_ file: SimulatedFile) throws(DiskError) {
        try call(.sync, file.path, file: file.file) { state, fault in
            state.disk.failSync(file.file, fault.pages)
        } _: { state throws(DiskError) in
            if case .lateError(_, let pages)? = state.lie {
                state.lateErrors[file.file] = state.lie?.report
                state.disk.failSync(file.file, pages)
            } else if state.isLying || state.lie != nil {
                state.disk.failSync(file.file, .keptClean)
            } else {
                state.disk.sync(file.file)
            }
        }
    }

    fileprivate func allocate(_ file: SimulatedFile, byteCount: Int) throws(DiskError) {
        try call(.allocate, file.path, byteCount: byteCount) { state throws(DiskError) in
            guard state.room(for: byteCount, at: 0, in: file.file) == byteCount else {
                throw DiskError(.allocate, file.path, code: ENOSPC)
            }
            state.disk.allocate(file.file, byteCount: byteCount)
        }
    }

    fileprivate func allocateZeros(
        _ file: SimulatedFile, byteCount: Int
    ) throws(DiskError) -> Bool {
        try call(.allocate, file.path, byteCount: byteCount, file: file.file) { state, _ in
            state.disk.loseEverySecondBlock(of: file.file)
        } _: { state throws(DiskError) in
            guard state.notesZeros else { return false }
            // As where all blocks are found anew before the old ones are given back.
            guard state.freeByteCount.map({ $0 >= byteCount }) ?? true else {
                state.disk.loseEverySecondBlock(of: file.file)
                throw DiskError(.allocate, file.path, code: ENOSPC)
            }
            state.disk.allocate(file.file, byteCount: byteCount)
            state.disk.write(file.file, [UInt8](repeating: 0, count: byteCount), at: 0)
            return true
        }
    }

    fileprivate func lock(_ file: SimulatedFile) throws(DiskError) -> Bool {
        try call(.lock, file.path) { state throws(DiskError) in
            if let holder = state.locks[file.file], holder != file.opening { return false }
            state.locks[file.file] = file.opening
            return true
        }
    }

    fileprivate func close(_ file: SimulatedFile) {
        state.withLock { state in
            if state.locks[file.file] == file.opening { state.locks[file.file] = nil }
        }
    }
}

private final class SimulatedFile: File {
    let path: String
    let file: SimulatedDisk.FileID
    let opening: Int
    private let fileSystem: SimulatedFileSystem

    init(
        _ fileSystem: SimulatedFileSystem, _ file: SimulatedDisk.FileID, _ path: String,
        opening: Int
    ) {
        self.fileSystem = fileSystem
        self.file = file
        self.path = path
        self.opening = opening
    }

    deinit {
        fileSystem.close(self)
    }

    func byteCount() throws(DiskError) -> Int { try fileSystem.byteCount(self) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try fileSystem.read(self, into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try fileSystem.write(self, bytes, at: offset, durably: false)
    }

    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try fileSystem.write(self, bytes, at: offset, durably: true)
    }

    func sync() throws(DiskError) { try fileSystem.sync(self) }

    func allocate(byteCount: Int) throws(DiskError) {
        try fileSystem.allocate(self, byteCount: byteCount)
    }

    func allocateZeros(byteCount: Int) throws(DiskError) -> Bool {
        try fileSystem.allocateZeros(self, byteCount: byteCount)
    }

    func lock() throws(DiskError) -> Bool { try fileSystem.lock(self) }
}
