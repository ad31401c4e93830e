internal import Foundation
internal import Glibc
internal import HoldfastHarness

/// A data directory on a file system on a block device of our own. The directory's path stays the same
/// when the device under it is another one.
actor DeviceSite {
    static let dataDirectoryName = "data"

    nonisolated let dataDirectory: String
    private let kind: FileSystemKind
    private let directory: TemporaryDirectory
    /// What the device held at first.
    private let image: String
    private var device: BlockDevice
    private var volume: Volume

    init(_ kind: FileSystemKind) async throws {
        self.kind = kind
        directory = try await Image.directory()
        image = try Image.make(mebibytes: kind.mebibytes, in: directory)
        device = try await BlockDevice(mebibytes: kind.mebibytes)
        volume = try await Volume.mount(
            kind, over: device.disk, at: directory.path(of: "volume"), isFresh: true, isDirect: true
        )
        dataDirectory = "\(volume.mountPoint)/\(Self.dataDirectoryName)"
    }

    /// One of the sentences of `blockdevice.c`.
    func tell(_ sentence: String) throws { try device.tell(sentence) }

    func kill() async { await device.kill() }

    /// All that the device has been asked for since it was made.
    var log: BlockLog {
        get throws { try BlockLog(device.logPath) }
    }

    /// As after a repair and a start of the machine: nothing that was cached is left. Nobody may use the
    /// volume.
    func remount() async throws {
        try await volume.unmount()
        volume = try await Volume.mount(
            kind, over: device.disk, at: volume.mountPoint, isFresh: false, isDirect: true)
    }

    /// Another device, with all that the one that died had taken.
    func replace() async throws {
        try await volume.unmount()
        try BlockReplay(log, on: image).applyAll()
        try await device.stop()
        device = try await BlockDevice(mebibytes: kind.mebibytes, image: image)
        volume = try await Volume.mount(
            kind, over: device.disk, at: volume.mountPoint, isFresh: false, isDirect: true)
    }

    /// What the file system itself says, where a broker could not start on it: the places of the log that
    /// cannot be read, what its own checker finds, and the last words of the kernel. The volume is
    /// unmounted then.
    func diagnosis() async -> String {
        var lines: [String] = []
        let log = "\(dataDirectory)/log"
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: log)) ?? []).sorted() {
            // Past the cache, as the broker does, and then through it.
            do {
                try await Command.run([
                    "dd", "if=\(log)/\(name)", "of=/dev/null", "bs=4096", "iflag=direct",
                    "conv=noerror",
                ])
            } catch {
                lines.append("\(error)")
            }
            let file = open("\(log)/\(name)", O_RDONLY | O_CLOEXEC)
            defer { Glibc.close(file) }
            var block = [UInt8](repeating: 0, count: 4_096)
            var offset = 0
            while true {
                let count = pread(file, &block, block.count, off_t(offset))
                if count == 0 { break }
                if count < 0 {
                    lines.append(
                        "\(name) cannot be read at \(offset): \(String(cString: strerror(errno)))")
                    if lines.count > 20 { break }
                }
                offset += block.count
            }
        }
        do {
            try await volume.unmount()
            lines.append("\(kind): \(try await kind.check(device.disk))")
        } catch {
            lines.append("\(error)")
        }
        let kernel = (try? await Command.run(["dmesg"])) ?? ""
        lines += kernel.split(separator: "\n").suffix(30).map(String.init)
        return lines.joined(separator: "\n")
    }

    /// Takes away what is there, as far as that is possible.
    func abandon() async {
        try? device.tell("heal")
        try? await volume.unmount()
        try? await device.stop()
    }

    /// - Returns: the device's log, to its end.
    @discardableResult
    func close() async throws -> BlockLog {
        try await volume.unmount()
        let log = try log
        try await device.stop()
        return log
    }
}
