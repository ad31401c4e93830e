internal import Glibc
internal import HoldfastDisk
internal import HoldfastSimulation

/// The disk's twin for a process that is to end in the middle of a call: what the file `SUSPECT` holds
/// is said on standard output as soon as a power loss would leave it, since nobody can ask later.
final class SuspicionTeller: FileSystem {
    private let base: SimulatedFileSystem

    init(_ base: SimulatedFileSystem) {
        self.base = base
    }

    /// What stands before the file's content.
    static let head = "durable SUSPECT: "

    func syncDirectory(_ path: String) throws(DiskError) {
        try base.syncDirectory(path)
        guard path.isEmpty,
            let content = base.disk.afterPowerLoss(CrashChoices()).contents("SUSPECT")
        else { return }
        let line = Array(Self.head.utf8) + content + Array("\n".utf8)
        _ = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    var rootPath: String { base.rootPath }
    var blockByteCount: Int { base.blockByteCount }

    func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File {
        try base.openFile(path, for: access)
    }

    func createFile(_ path: String) throws(DiskError) -> any File { try base.createFile(path) }
    func makeDirectory(_ path: String) throws(DiskError) { try base.makeDirectory(path) }
    func rename(_ source: String, to target: String) throws(DiskError) {
        try base.rename(source, to: target)
    }
    func remove(_ path: String) throws(DiskError) { try base.remove(path) }
    func list(_ directory: String) throws(DiskError) -> [String] { try base.list(directory) }
    func space() throws(DiskError) -> VolumeSpace { try base.space() }
}
