/// The kernel's file calls as far as the store needs them, below one directory, the *root*. Paths
/// are relative to it, with `/` between their parts; "" is the root itself.
///
/// Everything the store says about safety rests on the promises written here and on nothing else;
/// `PosixFileSystem` is the real one, and the tests' twin in memory does the worst that they allow.
///
/// What holds for all calls: any thread may make them; an interrupted or short transfer is
/// continued inside; a call that throws may have taken effect in part.
package protocol FileSystem: AnyObject, Sendable {
    /// The root as people know it, for messages.
    var rootPath: String { get }

    /// The size and alignment, in bytes, that writes should have so that no block which holds older
    /// bytes is rewritten. A power of two, at least 4,096.
    var blockByteCount: Int { get }

    /// Opens a file that exists. Changes nothing on disk.
    func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File

    /// Creates an empty file for reading and writing; an error where the name is taken. The name
    /// survives a crash only after `syncDirectory` of the directory it is in.
    func createFile(_ path: String) throws(DiskError) -> any File

    /// Creates a directory. It survives a crash only after `syncDirectory` of its parent.
    func makeDirectory(_ path: String) throws(DiskError)

    /// Gives a file another name, replacing the file that had it. Atomic: whatever happens, the
    /// file is found under the old name or under the new one. Which one, after a crash, is certain
    /// only after `syncDirectory` of the directory of the new name. Says nothing about contents.
    func rename(_ source: String, to target: String) throws(DiskError)

    /// Removes a file's name. After a crash it may be back until `syncDirectory` has returned. A
    /// file that is open stays readable through its `File`.
    func remove(_ path: String) throws(DiskError)

    /// The names in a directory, sorted, without "." and "..".
    func list(_ directory: String) throws(DiskError) -> [String]

    /// When it returns, all names made, changed and removed in this directory up to now are on the
    /// disk. An error means that nobody knows which of them are: fatal, never tried again.
    func syncDirectory(_ path: String) throws(DiskError)

    /// How large the volume is and what is free on it.
    func space() throws(DiskError) -> VolumeSpace
}

/// One open file. Closed when the last reference to it goes.
package protocol File: AnyObject, Sendable {
    /// The path by which it was opened, for messages.
    var path: String { get }

    /// The length in bytes.
    func byteCount() throws(DiskError) -> Int

    /// Reads until `buffer` is full or the file ends and returns how many bytes it read. What it
    /// returns was written by somebody, not necessarily to the disk.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int

    /// Writes all of `bytes`. After a crash any of its blocks may hold the old bytes, the new ones,
    /// a mixture by sectors, or rubbish, each block for itself, until `sync` has returned.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError)

    /// `write` and `sync` of these bytes in one call: when it returns they are on the disk, and so
    /// is all that is needed to read them back. About earlier writes it promises nothing. Its
    /// errors are fatal.
    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError)

    /// When it returns, all bytes written to this file up to now are on the disk, and its length.
    /// An error means that nobody knows which of them are, that a later sync may say yes without
    /// having them, and that reads may show what is not on the disk: fatal, never tried again.
    func sync() throws(DiskError)

    /// Reserves space for bytes 0 up to `byteCount` and makes the file at least so long; new bytes
    /// read as zeros. Later writes in there cannot run out of space. The length survives a crash
    /// only after `sync`.
    func allocate(byteCount: Int) throws(DiskError)

    /// As `allocate`, and what the file has reads as zeros too, without being written: the file system
    /// only notes it. Until `sync` has returned, any block may hold the old bytes after a crash, or be
    /// without space. Where it throws, bytes may be gone, and space with them: no call for a file whose
    /// content counts.
    ///
    /// - Returns: false where the file system cannot do that. What the bytes are then is not said.
    func allocateZeros(byteCount: Int) throws(DiskError) -> Bool

    /// Takes the lock on this file, held until it is closed or the process ends, however it ends.
    ///
    /// - Returns: false where another process, or another opening of the file, holds it.
    func lock() throws(DiskError) -> Bool
}

extension File {
    /// Drafts in memory, and those who only look, make no segments.
    package func allocateZeros(byteCount: Int) throws(DiskError) -> Bool { false }

    package func write(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(DiskError) in try write(bytes, at: offset) }
        }
        try result.get()
    }

    /// Bytes from `offset` on, at most `byteCount`; fewer where the file ends.
    package func read(byteCount: Int, at offset: Int) throws(DiskError) -> [UInt8] {
        var result: Result<Int, DiskError> = .success(0)
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            result = Result { () throws(DiskError) in
                try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
            if case .success(let count) = result { initialized = count }
        }
        _ = try result.get()
        return bytes
    }
}

package enum FileAccess: Sendable {
    case reading
    /// As `reading`, and what is read comes from the disk and leaves nothing in the kernel's cache,
    /// where the file system can do that.
    case readingPastCache
    case readingAndWriting
}

package struct VolumeSpace: Sendable, Equatable {
    package var byteCount: Int
    /// What an unprivileged process may still take.
    package var freeByteCount: Int

    package init(byteCount: Int, freeByteCount: Int) {
        self.byteCount = byteCount
        self.freeByteCount = freeByteCount
    }
}
