internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// All that a `BlockDevice` was asked for, in order: see `struct record` in blockdevice.c.
struct BlockLog {
    enum Kind: UInt16 {
        case write = 1
        case flush = 2
        case discard = 3
    }

    struct Record {
        /// When the request came, in ns as histories have it.
        let nanoseconds: UInt64
        let offset: Int
        let byteCount: Int
        let kind: Kind
        /// 0: it was done.
        let error: UInt16
        /// Where the bytes of a write that was done begin in the log.
        let start: Int
    }

    static let headerByteCount = 24

    let records: [Record]
    private let bytes: Data

    init(_ path: String) throws {
        bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        var records: [Record] = []
        try bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + Self.headerByteCount <= bytes.count {
                func load<Value: FixedWidthInteger>(_ at: Int, _: Value.Type) -> Value {
                    bytes.loadUnaligned(fromByteOffset: offset + at, as: Value.self)
                }
                guard let kind = Kind(rawValue: load(20, UInt16.self)) else {
                    throw TestFault("the device's log cannot be read at \(offset)")
                }
                let record = Record(
                    nanoseconds: load(0, UInt64.self), offset: Int(load(8, UInt64.self)),
                    byteCount: Int(load(16, UInt32.self)), kind: kind, error: load(22, UInt16.self),
                    start: offset + Self.headerByteCount)
                offset = record.start
                if kind == .write, record.error == 0 { offset += record.byteCount }
                // One that is just being written ends the log.
                if offset <= bytes.count { records.append(record) }
            }
        }
        self.records = records
    }

    /// The first that failed since a moment.
    func firstError(since nanoseconds: UInt64) -> Record? {
        records.first { $0.error != 0 && $0.nanoseconds >= nanoseconds }
    }

    /// Does to a file what a record did to the device.
    ///
    /// - Parameter isWritten: whether a sector of it is.
    func apply(
        _ record: Record, to file: Int32, where isWritten: () -> Bool = { true }
    ) throws {
        guard record.error == 0 else { return }
        switch record.kind {
        case .flush: break
        case .discard:
            guard isWritten() else { break }
            let zeros = [UInt8](repeating: 0, count: 1 << 16)
            for start in stride(from: 0, to: record.byteCount, by: zeros.count) {
                let length = min(zeros.count, record.byteCount - start)
                let count = pwrite(file, zeros, length, off_t(record.offset + start))
                try check(count == length ? 0 : -1)
            }
        case .write:
            try bytes.withUnsafeBytes { bytes in
                var done = 0
                while done < record.byteCount {
                    let start = done
                    let isSector = isWritten()
                    // As long as they are alike in one go.
                    repeat {
                        done = min(done + Self.sectorByteCount, record.byteCount)
                    } while done
                        < record.byteCount && isWritten() == isSector
                    guard isSector else { continue }
                    let part = UnsafeRawBufferPointer(
                        rebasing: bytes[(record.start + start)..<(record.start + done)])
                    let count = pwrite(
                        file, part.baseAddress, part.count, off_t(record.offset + start))
                    try check(count == part.count ? 0 : -1)
                }
            }
        }
    }

    private static let sectorByteCount = 512

    private func check(_ result: Int32) throws {
        guard result == 0 else {
            throw TestFault("an image cannot be written: \(String(cString: strerror(errno)))")
        }
    }
}
