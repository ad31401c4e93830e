internal import Foundation
internal import HoldfastHarness

/// A data directory on a file system on a block device of our own. The directory's path stays the same
/// when the device under it is another one.
actor DeviceSite {
    static let dataDirectoryName = "data"

    nonisolated let dataDirectory: String
    private let kind: FileSystemKind
    private let directory: TemporaryDirectory
    private var device: BlockDevice
    private var volume: Volume

    init(_ kind: FileSystemKind) async throws {
        self.kind = kind
        directory = try TemporaryDirectory()
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
        let image = try BlockReplay(log, mebibytes: kind.mebibytes, in: directory).lastImage()
        try await device.stop()
        device = try await BlockDevice(mebibytes: kind.mebibytes, image: image)
        try FileManager.default.removeItem(atPath: image)
        volume = try await Volume.mount(
            kind, over: device.disk, at: volume.mountPoint, isFresh: false, isDirect: true)
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
