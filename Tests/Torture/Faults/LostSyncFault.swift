internal import Foundation
internal import Glibc
internal import HoldfastHarness
internal import HoldfastHistory
internal import Synchronization

/// F11: the one case from end to end of a sync that fails once and then succeeds with the data lost: a loop
/// device over a sparse file in a tmpfs that is full, the broker writing through the page cache (the shim
/// takes the way past it). A probe shows that the kernel does it; the broker either never meets it or
/// ends with 74, and on the mended volume everything that it answered is there.
struct LostSyncFault: Fault {
    let name = "lost-sync"
    let unit = "failed syncs"
    let countWanted = 20
    let roundSecondsMax = 240

    private static let tmpfsMebibytes = 96

    func probe() async throws(NotAvailable) {
        try await FileSystemKind.ext4.probe()
        try await CallShim.probe()
        do {
            guard try await isLostAfterSuccess() else {
                throw TestFault("this kernel does not forget a failed sync")
            }
        } catch {
            throw NotAvailable("\(error)")
        }
    }

    func rehearse() async throws { try await CallShim.rehearse() }

    /// Whether a second sync succeeds after one that failed, on blocks that the tmpfs had no space for.
    private func isLostAfterSuccess() async throws -> Bool {
        let site = try await TmpfsSite(mebibytes: Self.tmpfsMebibytes)
        let path = "\(site.mountPoint)/probe"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard posix_fallocate(file, 0, 16 << 20) == 0, fsync(file) == 0 else {
            throw TestFault("no file can be made: \(String(cString: strerror(errno)))")
        }
        try site.fill()
        let block = [UInt8](repeating: 1, count: 4_096)
        guard pwrite(file, block, block.count, 0) == block.count else { return false }
        let first = fdatasync(file)
        let second = fdatasync(file)
        Glibc.close(file)
        site.empty()
        try await site.close()
        return first != 0 && second == 0
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let site = try await TmpfsSite(mebibytes: Self.tmpfsMebibytes)
        let shim = try CallShim(root: site.mountPoint, isCached: true)
        var round = LoadedRound(seed: seed)
        round.dataDirectory = "\(site.mountPoint)/data"
        round.launch.environment = shim.environment
        let hits = Counter()
        let violations = try await round.violations { run in
            try shim.check()
            var random = SeededRandom(seed: seed)
            await run.awaitAnswers(Int.random(in: 100...2_000, using: &random))
            let begun = HistoryRecorder.now()
            try site.fill()
            // It ends when it needs what is not there: it need not come to that.
            let broker = run.broker
            let patience = Task {
                try await Task.sleep(for: .seconds(isSmall ? 1 : 3))
                broker.sendKill()
            }
            let exit = await broker.exit()
            patience.cancel()
            if run.failure != nil { return }
            guard exit == .code(74) || exit == .signal(SIGKILL) else {
                throw TestFault("the broker ended with \(exit)")
            }
            if exit == .code(74) { hits.add() }
            site.empty()
            try await site.remount()
            run.history.recordFault(.disk, from: begun, to: HistoryRecorder.now())
            try await run.restart()
            await run.awaitAnswers(200)
        }
        site.empty()
        try await site.close()
        return RoundResult(count: hits.value, violations: violations)
    }
}

/// An ext4 on a loop device over a sparse file in a tmpfs that can be filled.
private final class TmpfsSite: Sendable {
    private let directory: TemporaryDirectory
    private let volume: Volume

    private var tmpfs: String { directory.path(of: "tmpfs") }
    private var image: String { "\(tmpfs)/image" }
    private var ballast: String { "\(tmpfs)/ballast" }
    var mountPoint: String { volume.mountPoint }

    init(mebibytes: Int) async throws {
        directory = try TemporaryDirectory()
        let tmpfs = directory.path(of: "tmpfs")
        mkdir(tmpfs, 0o700)
        try await Command.run(["mount", "-t", "tmpfs", "-o", "size=\(mebibytes)M", "none", tmpfs])
        try await Command.run(["truncate", "--size=256M", "\(tmpfs)/image"])
        volume = try await Volume.mount(
            .ext4, over: "\(tmpfs)/image", at: directory.path(of: "volume"), isFresh: true)
    }

    /// - Throws: where it does not end with ENOSPC.
    func fill() throws {
        let file = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { Glibc.close(file) }
        let zeros = [UInt8](repeating: 0, count: 65_536)
        while write(file, zeros, zeros.count) > 0 {}
        guard errno == ENOSPC else {
            throw TestFault("the tmpfs cannot be filled: \(String(cString: strerror(errno)))")
        }
    }

    func empty() { unlink(ballast) }

    func remount() async throws {
        try await volume.unmount()
        _ = try await Volume.mount(.ext4, over: image, at: mountPoint, isFresh: false)
    }

    func close() async throws {
        try await volume.unmount()
        try await Command.run(["umount", "--lazy", tmpfs])
    }
}
