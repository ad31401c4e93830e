internal import HoldfastDisk

/// What one of the three files holds.
enum SnapshotSlot: Sendable, Equatable {
    /// No file, an empty one, or zeros only: reserved, never written.
    case empty
    case whole(SnapshotContent)
    /// Damaged, or its writing was interrupted: the bytes are the same in both cases. The number is
    /// known where the header is whole.
    case notWhole(reason: String, number: UInt64?)
    case otherVersion(UInt32)
    case foreign(UniqueID)

    private static let readByteCount = 1 << 20

    static func read(
        _ slot: Int, in fileSystem: any FileSystem, of uuid: UniqueID
    ) throws(DiskError) -> SnapshotSlot {
        let file: any File
        do throws(DiskError) {
            file = try fileSystem.openFile(SnapshotLayout.slot(slot), for: .reading)
        } catch {
            guard error.isNotFound else { throw error }
            return .empty
        }
        let fileByteCount = try file.byteCount()
        let block = try file.read(byteCount: SnapshotFormat.blockByteCount, at: 0)
        switch block.withUnsafeBytes({ SnapshotHeader.decode($0) }) {
        case .otherVersion(let version):
            return .otherVersion(version)
        case .notWhole(let reason):
            let isZero = try isZero(file, byteCount: fileByteCount)
            return isZero ? .empty : .notWhole(reason: reason, number: nil)
        case .header(let header):
            guard header.uuid == uuid else { return .foreign(header.uuid) }
            return try body(of: header, in: file, byteCount: fileByteCount)
        }
    }

    /// The two snapshots that are kept. A copy of the newest is nothing to fall back to.
    static func twoNewest(
        of whole: [(slot: Int, content: SnapshotContent)]
    ) -> (
        newest: (slot: Int, content: SnapshotContent)?,
        previous: (slot: Int, content: SnapshotContent)?
    ) {
        let newest = whole.max { $0.content.number < $1.content.number }
        let previous = whole.filter { $0.content.number < newest?.content.number ?? 0 }
            .max { $0.content.number < $1.content.number }
        return (newest, previous)
    }

    private static func body(
        of header: SnapshotHeader, in file: any File, byteCount: Int
    ) throws(DiskError) -> SnapshotSlot {
        // Before memory is taken for it.
        guard header.byteCount <= byteCount else {
            return .notWhole(reason: "the file is shorter than it says", number: header.number)
        }
        let start = SnapshotFormat.blockByteCount
        let body = try file.read(byteCount: header.byteCount - start, at: start)
        guard Checksum.crc32c(body) == header.bodyChecksum else {
            return .notWhole(
                reason: "its content does not match its checksum", number: header.number)
        }
        guard let content = body.withUnsafeBytes({ SnapshotContent(header, body: $0) }) else {
            return .notWhole(reason: "its content is impossible", number: header.number)
        }
        return .whole(content)
    }

    private static func isZero(_ file: any File, byteCount: Int) throws(DiskError) -> Bool {
        var place = 0
        while place < byteCount {
            let bytes = try file.read(byteCount: min(readByteCount, byteCount - place), at: place)
            if bytes.isEmpty { break }
            guard bytes.withUnsafeBytes({ $0.isZero }) else { return false }
            place += bytes.count
        }
        return true
    }
}
