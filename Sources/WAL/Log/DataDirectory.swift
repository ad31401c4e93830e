package import HoldfastDisk

/// A data directory that this process has for itself: the lock is held as long as this lives.
///
/// ```
/// LOCK     who has it          log/    segments and their sidecars
/// STORE    which store it is   pool/   spare segments
///                              pages/  pages of the state
///                              snap/   snapshots, which say what of all that is in force
///                              quarantine/  files that were not what they should be
/// ```
/// The last three are made when they are first needed, and never before STORE: without it they are
/// as foreign as any other name.
package final class DataDirectory: Sendable {
    package let identity: StoreIdentity
    /// Whether this call has made the store.
    package let isNew: Bool
    package let fileSystem: any FileSystem
    /// Where salts come from.
    let entropy: @Sendable () -> UInt64
    private let lock: DirectoryLock

    private init(
        identity: StoreIdentity, isNew: Bool, fileSystem: any FileSystem,
        entropy: @escaping @Sendable () -> UInt64, lock: DirectoryLock
    ) {
        self.identity = identity
        self.isNew = isNew
        self.fileSystem = fileSystem
        self.entropy = entropy
        self.lock = lock
    }

    /// Opens the store at `path`, or makes one there where the directory is new or empty.
    package static func open(
        path: String, segmentByteCount: Int? = nil
    ) throws(StoreError) -> DataDirectory {
        let fileSystem: PosixFileSystem
        do throws(DiskError) {
            fileSystem = try PosixFileSystem(root: path, creating: true)
        } catch {
            throw .disk(error)
        }
        return try open(fileSystem, segmentByteCount: segmentByteCount)
    }

    /// Opens the store in the root of `fileSystem`, or makes one there where it is empty.
    ///
    /// - Parameters:
    ///   - segmentByteCount: for a store that is made; nil for what suits the volume. A store that
    ///     exists keeps what it was made with.
    ///   - processID: for the message to a second broker.
    ///   - entropy: the source of the store's uuid and key and of the segments' salts.
    package static func open(
        _ fileSystem: any FileSystem, segmentByteCount: Int? = nil,
        processID: Int32 = DirectoryLock.ownProcessID, bootID: UniqueID = .currentBoot(),
        entropy: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) }
    ) throws(StoreError) -> DataDirectory {
        if let segmentByteCount, !StoreIdentity.isSegmentByteCount(segmentByteCount) {
            throw .badSegmentByteCount(segmentByteCount)
        }
        // All that can be refused is refused before the first change. STORE is written once, so it
        // may be read before the lock is held; who held the lock may have made it, so once more.
        if let identity = try examine(fileSystem) {
            try refuseForeignSegments(fileSystem, of: identity)
        }
        let lock = try acquireLock(fileSystem)
        let found = try examine(fileSystem)
        let identity = try StoreError.onDisk { () throws(DiskError) in
            try lock.announce(processID: processID, bootID: bootID)
            if let found {
                try makeDirectory(DirectoryLayout.pool, in: fileSystem)
                // Its maker may have been killed before the name STORE was on the disk.
                try fileSystem.syncDirectory("")
                return found
            }
            let volumeByteCount = try fileSystem.space().byteCount
            let identity = StoreIdentity(
                uuid: UniqueID(high: entropy(), low: entropy()),
                segmentByteCount: segmentByteCount
                    ?? StoreIdentity.segmentByteCount(forVolume: volumeByteCount),
                keyLow: entropy(), keyHigh: entropy())
            try create(identity, in: fileSystem)
            return identity
        }
        return DataDirectory(
            identity: identity, isNew: found == nil, fileSystem: fileSystem, entropy: entropy,
            lock: lock)
    }

    /// What STORE says, without the lock and without any change; for tools.
    package static func identity(in fileSystem: any FileSystem) throws(StoreError) -> StoreIdentity
    {
        guard let identity = try examine(fileSystem) else {
            throw .damagedStore("it is missing")
        }
        try refuseForeignSegments(fileSystem, of: identity)
        return identity
    }

    /// - Returns: nil where the root is empty, or where making a store was interrupted.
    private static func examine(_ fileSystem: any FileSystem) throws(StoreError) -> StoreIdentity? {
        let names = try StoreError.onDisk { () throws(DiskError) in try fileSystem.list("") }
        if names.contains(DirectoryLayout.store) {
            let bytes = try StoreError.onDisk { () throws(DiskError) in
                try fileSystem.openFile(DirectoryLayout.store, for: .reading)
                    .read(byteCount: LogFormat.storeByteCount + 1, at: 0)
            }
            let identity = try StoreIdentity(decoding: bytes)
            // The directory is made before STORE is, so it cannot be missing by a crash.
            guard names.contains(DirectoryLayout.log) else {
                throw .damagedStore("the directory log is missing")
            }
            return identity
        }
        // What the making of a store leaves behind when it is interrupted is no obstacle.
        for name in names {
            switch name {
            case DirectoryLock.fileName, DirectoryLayout.newStore, "lost+found":
                continue
            case DirectoryLayout.log, DirectoryLayout.pool:
                let within = try StoreError.onDisk { () throws(DiskError) in
                    try fileSystem.list(name)
                }
                if let first = within.first { throw .notAStore(foreign: "\(name)/\(first)") }
            default:
                throw .notAStore(foreign: name)
            }
        }
        return nil
    }

    private static func acquireLock(
        _ fileSystem: any FileSystem
    ) throws(StoreError) -> DirectoryLock {
        do throws(DirectoryLock.Failure) {
            return try DirectoryLock(fileSystem)
        } catch {
            switch error {
            case .held(let holder): throw .inUse(by: holder)
            case .disk(let error): throw .disk(error)
            }
        }
    }

    /// Looks at the header of each segment, so that nothing is changed among another store's files.
    private static func refuseForeignSegments(
        _ fileSystem: any FileSystem, of identity: StoreIdentity
    ) throws(StoreError) {
        let names = try StoreError.onDisk { () throws(DiskError) in
            try fileSystem.list(DirectoryLayout.log)
        }
        for number in names.compactMap(DirectoryLayout.segmentNumber(ofName:)) {
            let path = DirectoryLayout.segment(number)
            let copies = try StoreError.onDisk { () throws(DiskError) in
                try SegmentHeader.read(from: fileSystem.openFile(path, for: .reading))
            }
            // An unreadable one is damage, which the log reports with all it knows.
            guard let header = copies?.header, header.uuid != identity.uuid else { continue }
            throw .foreignSegment(path: path, uuid: header.uuid, own: identity.uuid)
        }
    }

    /// STORE appears last and whole: everything else is in place before.
    private static func create(
        _ identity: StoreIdentity, in fileSystem: any FileSystem
    ) throws(DiskError) {
        try makeDirectory(DirectoryLayout.log, in: fileSystem)
        try makeDirectory(DirectoryLayout.pool, in: fileSystem)
        try fileSystem.syncDirectory("")
        do throws(DiskError) {
            try fileSystem.remove(DirectoryLayout.newStore)
        } catch {
            guard error.isNotFound else { throw error }
        }
        let file = try fileSystem.createFile(DirectoryLayout.newStore)
        try file.write(identity.encoded(), at: 0)
        try file.sync()
        try fileSystem.rename(DirectoryLayout.newStore, to: DirectoryLayout.store)
        try fileSystem.syncDirectory("")
    }

    private static func makeDirectory(
        _ path: String, in fileSystem: any FileSystem
    ) throws(DiskError) {
        do throws(DiskError) {
            try fileSystem.makeDirectory(path)
        } catch {
            guard error.isAlreadyThere else { throw error }
        }
    }
}
