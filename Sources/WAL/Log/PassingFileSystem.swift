internal import HoldfastDisk

/// The files of a log whose damage is passed: bytes that the disk does not give back read as ones
/// that no checksum fits, so that they are met like any other damage.
final class PassingFileSystem: ForwardingFileSystem {
    let base: any FileSystem

    init(_ base: any FileSystem) {
        self.base = base
    }

    func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File {
        PassingFile(try base.openFile(path, for: access))
    }
}

/// A file that does not fail where a place of it cannot be read.
final class PassingFile: File {
    /// What stands for an unreadable byte: zeros would look like the end of the log.
    static let unreadableByte: UInt8 = 0xFF
    static let blockByteCount = 4096

    private let base: any File

    init(_ base: any File) {
        self.base = base
    }

    var path: String { base.path }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        do throws(DiskError) {
            return try base.read(into: buffer, at: offset)
        } catch {
            guard error.code == DiskError.inputOutput else { throw error }
        }
        // Block by block, so that as little as possible is lost.
        let count = min(buffer.count, max(try base.byteCount() - offset, 0))
        var done = 0
        while done < count {
            let block = (offset + done) / Self.blockByteCount
            let end = min((block + 1) * Self.blockByteCount - offset, count)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<end])
            do throws(DiskError) {
                guard try base.read(into: part, at: offset + done) == part.count else {
                    return done
                }
            } catch {
                guard error.code == DiskError.inputOutput else { throw error }
                part.initializeMemory(as: UInt8.self, repeating: Self.unreadableByte)
            }
            done = end
        }
        return done
    }

    func byteCount() throws(DiskError) -> Int { try base.byteCount() }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try base.write(bytes, at: offset)
    }
    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try base.writeDurably(bytes, at: offset)
    }
    func sync() throws(DiskError) { try base.sync() }
    func allocate(byteCount: Int) throws(DiskError) { try base.allocate(byteCount: byteCount) }
    func lock() throws(DiskError) -> Bool { try base.lock() }
}
