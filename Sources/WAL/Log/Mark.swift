package import HoldfastDisk
package import HoldfastRecords

/// The payload of a frame without records. A mark takes no LSN.
enum Mark: Equatable, Sendable {
    /// The first frame of every segment.
    case start(StartMark)
    /// The last frame of a log that was closed: all before it is on the disk.
    case end

    func encoded() -> [UInt8] {
        switch self {
        case .start(let start):
            return start.encoded()
        case .end:
            return [2, 0, 0, 0, 0, 0, 0, 0]
        }
    }

    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 4 else { return nil }
        switch bytes.integer(UInt32.self, at: 0) {
        case 1:
            guard let start = StartMark(decoding: bytes) else { return nil }
            self = .start(start)
        case 2:
            guard bytes.count == 8, bytes.integer(UInt32.self, at: 4) == 0 else { return nil }
            self = .end
        default:
            return nil
        }
    }

    /// The bytes of a frame that holds this mark, padded, for one place.
    func frame(
        header: FrameHeader, in segment: SegmentHeader, at offset: Int
    ) -> [UInt8] {
        let payload = encoded()
        var header = header
        header.payloadByteCount = payload.count
        header.recordCount = 0
        header.payloadChecksum = Checksum.crc32c(payload)
        var bytes = [UInt8](repeating: 0, count: header.byteCount(alignment: segment.alignment))
        bytes.withUnsafeMutableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[LogFormat.frameHeaderByteCount...])
                .copyBytes(from: payload)
            header.encode(into: bytes, salt: segment.salt, offset: offset)
        }
        return bytes
    }
}

/// What the first frame of a segment says about the time in which it was begun and about the
/// segment before it.
///
/// ```
///  0 u32 kind, 1               48 u64 number of the previous segment, 0 = none
///  4 u32 zero                  56 u32 its cut: where its frames end, in bytes
///  8 16 B boot id              60 u32 CRC32C of its bytes from the cut to its last block
/// 24 i64 wall clock (ms)       64 u64 last LSN among the copied frames behind this one, 0 = none
/// 32 i64 boot clock (ms)       72 u32 how many copied frames
/// 40 i64 time base (ms)        76 u32 length of the software version, at most 64
///                              80 64 B software version, zeros behind it
/// ```
package struct StartMark: Equatable, Sendable {
    package var bootID: UniqueID
    /// The three clocks when the log was opened: the machine's wall clock, its boot clock, and the
    /// broker's own time, which all frames carry on.
    package var wallMilliseconds: Int64
    package var bootMilliseconds: Int64
    package var timeBaseMilliseconds: Int64
    package var previousNumber: UInt64
    package var previousCut: Int
    package var previousTailChecksum: UInt32
    package var copiedLastLSN: LSN
    package var copiedFrameCount: Int
    package var softwareVersion: String

    static let byteCount = 144
    static let softwareVersionByteCountMax = 64

    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        let version = Array(softwareVersion.utf8.prefix(Self.softwareVersionByteCountMax))
        bytes.replaceSubrange(80..<80 + version.count, with: version)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.set(UInt32(1), at: 0)
            bytes.set(bootID.high.bigEndian, at: 8)
            bytes.set(bootID.low.bigEndian, at: 16)
            bytes.set(wallMilliseconds, at: 24)
            bytes.set(bootMilliseconds, at: 32)
            bytes.set(timeBaseMilliseconds, at: 40)
            bytes.set(previousNumber, at: 48)
            bytes.set(UInt32(previousCut), at: 56)
            bytes.set(previousTailChecksum, at: 60)
            bytes.set(copiedLastLSN, at: 64)
            bytes.set(UInt32(copiedFrameCount), at: 72)
            bytes.set(UInt32(version.count), at: 76)
        }
        return bytes
    }

    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount, bytes.integer(UInt32.self, at: 0) == 1,
            bytes.integer(UInt32.self, at: 4) == 0
        else { return nil }
        let versionByteCount = Int(bytes.integer(UInt32.self, at: 76))
        guard versionByteCount <= Self.softwareVersionByteCountMax,
            bytes.integer(UInt64.self, at: 48) <= LogFormat.segmentNumberMax,
            bytes.integer(UInt64.self, at: 64) <= RecordFormat.lsnMax
        else { return nil }
        bootID = UniqueID(
            high: bytes.integer(UInt64.self, at: 8).bigEndian,
            low: bytes.integer(UInt64.self, at: 16).bigEndian)
        wallMilliseconds = bytes.integer(Int64.self, at: 24)
        bootMilliseconds = bytes.integer(Int64.self, at: 32)
        timeBaseMilliseconds = bytes.integer(Int64.self, at: 40)
        previousNumber = bytes.integer(UInt64.self, at: 48)
        previousCut = Int(bytes.integer(UInt32.self, at: 56))
        previousTailChecksum = bytes.integer(UInt32.self, at: 60)
        copiedLastLSN = bytes.integer(UInt64.self, at: 64)
        copiedFrameCount = Int(bytes.integer(UInt32.self, at: 72))
        softwareVersion = String(
            decoding: bytes.part(at: 80, count: versionByteCount), as: UTF8.self)
    }

    init(
        clocks: LogStart, timeBaseMilliseconds: Int64, previousNumber: UInt64, previousCut: Int,
        previousTailChecksum: UInt32, copiedLastLSN: LSN = 0, copiedFrameCount: Int = 0
    ) {
        bootID = clocks.bootID
        wallMilliseconds = clocks.wallMilliseconds
        bootMilliseconds = clocks.bootMilliseconds
        softwareVersion = clocks.softwareVersion
        self.timeBaseMilliseconds = timeBaseMilliseconds
        self.previousNumber = previousNumber
        self.previousCut = previousCut
        self.previousTailChecksum = previousTailChecksum
        self.copiedLastLSN = copiedLastLSN
        self.copiedFrameCount = copiedFrameCount
    }
}
