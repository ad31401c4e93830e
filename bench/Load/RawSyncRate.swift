internal import Glibc

/// How often a second the disk beneath a directory can make 4 KiB durable, one write after another:
/// the yardstick beside every figure of the broker, taken in the same run on the same disk.
///
/// The file has been written once before, as a recycled log segment has: first-touch blocks sync
/// two to five times slower and would make the broker look better than it is. Two ways are tried in
/// turn, `O_DSYNC` writes and a write followed by `fdatasync`; the quicker one is the yardstick.
struct RawSyncRate {
    private(set) var synchronousWritesPerSecond: [Double] = []
    private(set) var writesWithSyncPerSecond: [Double] = []

    /// The mean over all `measure` calls of the better way.
    var syncsPerSecond: Double {
        max(mean(synchronousWritesPerSecond), mean(writesWithSyncPerSecond))
    }

    /// Runs both ways for `seconds` in all and adds what they made.
    mutating func measure(in directory: String, seconds: Double) throws(BenchFault) {
        let path = directory + "/raw-sync-\(getpid())"
        let byteCount = 16 << 20
        let blockByteCount = 4096
        let plain = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard plain >= 0 else { throw BenchFault("cannot create \(path): \(errnoText())") }
        defer {
            close(plain)
            unlink(path)
        }
        let block = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        block.initializeMemory(as: UInt8.self, repeating: 0x5A, count: 1 << 20)
        defer { block.deallocate() }
        guard posix_fallocate(plain, 0, off_t(byteCount)) == 0 else {
            throw BenchFault("cannot reserve \(byteCount) bytes for \(path)")
        }
        for offset in stride(from: 0, to: byteCount, by: 1 << 20) {
            guard pwrite(plain, block, 1 << 20, off_t(offset)) == 1 << 20 else {
                throw BenchFault("cannot write \(path): \(errnoText())")
            }
        }
        let synchronous = open(path, O_RDWR | O_DSYNC | O_CLOEXEC)
        guard synchronous >= 0 else { throw BenchFault("cannot open \(path): \(errnoText())") }
        defer { close(synchronous) }
        guard fsync(plain) == 0 else { throw BenchFault("cannot sync \(path): \(errnoText())") }

        func rate(_ once: (off_t) -> Bool) throws(BenchFault) -> Double {
            let start = MonotonicTime.nanoseconds
            let end = start + UInt64(seconds / 2 * 1e9)
            var count = 0
            while MonotonicTime.nanoseconds < end {
                guard once(off_t(count * blockByteCount % byteCount)) else {
                    throw BenchFault("cannot sync \(path): \(errnoText())")
                }
                count += 1
            }
            return Double(count) / (Double(MonotonicTime.nanoseconds - start) / 1e9)
        }
        synchronousWritesPerSecond.append(
            try rate { pwrite(synchronous, block, blockByteCount, $0) == blockByteCount })
        writesWithSyncPerSecond.append(
            try rate {
                pwrite(plain, block, blockByteCount, $0) == blockByteCount && fdatasync(plain) == 0
            })
    }

    private func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
}
