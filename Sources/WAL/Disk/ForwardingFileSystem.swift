/// A file system that does what another one does, but for what its type does itself.
package protocol ForwardingFileSystem: FileSystem {
    var base: any FileSystem { get }
}

extension ForwardingFileSystem {
    package var rootPath: String { base.rootPath }
    package var blockByteCount: Int { base.blockByteCount }

    package func openFile(
        _ path: String, for access: FileAccess
    ) throws(DiskError) -> any File {
        try base.openFile(path, for: access)
    }

    package func createFile(_ path: String) throws(DiskError) -> any File {
        try base.createFile(path)
    }

    package func makeDirectory(_ path: String) throws(DiskError) { try base.makeDirectory(path) }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        try base.rename(source, to: target)
    }

    package func remove(_ path: String) throws(DiskError) { try base.remove(path) }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        try base.list(directory)
    }

    package func syncDirectory(_ path: String) throws(DiskError) { try base.syncDirectory(path) }
    package func space() throws(DiskError) -> VolumeSpace { try base.space() }
}
