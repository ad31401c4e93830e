internal import Glibc
internal import HoldfastDisk
internal import HoldfastSimulation

/// The disk's twin for a process that is to end in the middle of a call: what the file `SUSPECT` holds
/// is said on standard output as soon as a power loss would leave it, since nobody can ask later.
final class SuspicionTeller: ForwardingFileSystem {
    private let twin: SimulatedFileSystem

    init(_ twin: SimulatedFileSystem) {
        self.twin = twin
    }

    var base: any FileSystem { twin }

    /// What stands before the file's content.
    static let head = "durable SUSPECT: "

    func syncDirectory(_ path: String) throws(DiskError) {
        try twin.syncDirectory(path)
        guard path.isEmpty,
            let content = twin.disk.afterPowerLoss(CrashChoices()).contents("SUSPECT")
        else { return }
        let line = Array(Self.head.utf8) + content + Array("\n".utf8)
        _ = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
