import HoldfastDisk
import HoldfastSimulation
import Synchronization

/// A disk on which something else happens just when a file is opened for reading: what two threads
/// do at once, in one order.
final class HookedFileSystem: ForwardingFileSystem {
    let base: any FileSystem
    private let hook = Mutex<(@Sendable (String) -> Void)?>(nil)

    init(_ base: SimulatedFileSystem) {
        self.base = base
    }

    /// Is done once, at the next opening of a file whose path contains `part`.
    func once(opening part: String, _ body: @escaping @Sendable () -> Void) {
        hook.withLock { hook in
            hook = { [weak self] path in
                guard path.contains(part) else { return }
                self?.hook.withLock { $0 = nil }
                body()
            }
        }
    }

    func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File {
        if access == .reading, let hook = hook.withLock({ $0 }) { hook(path) }
        return try base.openFile(path, for: access)
    }
}
