package import HoldfastDisk

/// What lies in quarantine, and how much may: what is put aside there is of use to people only, so it
/// must never be what fills the disk. The oldest stays: it tells how the damage began.
package struct QuarantineUse: Sendable, Equatable {
    package static let fileCountMax = 1_000
    /// Of a large store sixteen segments.
    package static let byteCountMax = 1 << 30

    package private(set) var fileCount = 0
    package private(set) var byteCount = 0

    package init(in fileSystem: any FileSystem) throws(DiskError) {
        let names: [String]
        do throws(DiskError) {
            names = try fileSystem.list(DirectoryLayout.quarantine)
        } catch {
            guard error.isNotFound else { throw error }
            return
        }
        for name in names {
            let path = "\(DirectoryLayout.quarantine)/\(name)"
            add(try fileSystem.openFile(path, for: .reading).byteCount())
        }
    }

    package func hasRoom(for byteCount: Int) -> Bool {
        fileCount < Self.fileCountMax && self.byteCount + byteCount <= Self.byteCountMax
    }

    package mutating func add(_ byteCount: Int) {
        fileCount += 1
        self.byteCount += byteCount
    }
}
