internal import HoldfastHarness

extension BlockDevice {
    /// File system, loop device and server work together, and writes and flushes arrive: what is written
    /// down of a device that loses them would make every power loss look harmless.
    static func rehearse(_ kind: FileSystemKind) async throws {
        let device = try await BlockDevice(mebibytes: kind.mebibytes)
        let volume = try await Volume.mount(
            kind, over: device.disk, at: device.logPath + ".volume", isFresh: true, isDirect: true)
        let before = try BlockLog(device.logPath).records.count
        try await Command.run([
            "dd", "if=/dev/zero", "of=\(volume.mountPoint)/probe", "bs=4096", "count=1",
            "conv=fdatasync", "status=none",
        ])
        let records = try BlockLog(device.logPath).records.dropFirst(before)
        try await volume.unmount()
        try await device.stop()
        guard records.contains(where: { $0.kind == .write }),
            records.contains(where: { $0.kind == .flush })
        else {
            throw TestFault("a synced write arrived at the device as \(records.count) records")
        }
    }
}

extension PowerLossFault {
    func rehearse() async throws { try await BlockDevice.rehearse(kind) }
}

extension SlowFlushFault {
    func rehearse() async throws { try await BlockDevice.rehearse(kind) }
}
