internal import HoldfastDisk
internal import HoldfastMutants
package import HoldfastRecords

/// What stands before the records of one commit. Frames start on multiples of A and are padded to A
/// with zeros.
///
/// ```
///  0 u32 magic "HFRM"       24 u64 durableLSN
///  4 u32 payload length     32 i64 frame time (ms)
///  8 u64 first LSN          40 u32 payload CRC32C
/// 16 u32 record count       44 u32 header CRC32C of bytes 0…43, seeded
/// 20 u32 epoch
/// ```
/// The seed is CRC32C(salt, file offset): neither a frame of the file's former life nor one that
/// was written elsewhere is ever taken for one of this place. A record count of 0 says that the
/// payload is a `Mark`, not records.
package struct FrameHeader: Equatable, Sendable {
    package var payloadByteCount: Int
    /// The LSN of the first record; the next one to come where there is none.
    package var firstLSN: LSN
    package var recordCount: Int
    package var epoch: UInt32
    /// The highest LSN known to be on the disk when this frame was handed to be written.
    package var durableLSN: LSN
    /// Broker time in milliseconds; never decreases from frame to frame.
    package var frameTime: Int64
    package var payloadChecksum: UInt32

    package var nextLSN: LSN { firstLSN + LSN(recordCount) }
    package var lastLSN: LSN { nextLSN - 1 }

    /// Header, payload and padding, in bytes.
    package func byteCount(alignment: Int) -> Int {
        LogFormat.padded(LogFormat.frameHeaderByteCount + payloadByteCount, to: alignment)
    }

    package func encode(into bytes: UnsafeMutableRawBufferPointer, salt: UInt64, offset: Int) {
        bytes.set(LogFormat.frameMagic, at: 0)
        bytes.set(UInt32(payloadByteCount), at: 4)
        bytes.set(firstLSN, at: 8)
        bytes.set(UInt32(recordCount), at: 16)
        bytes.set(epoch, at: 20)
        bytes.set(durableLSN, at: 24)
        bytes.set(frameTime, at: 32)
        bytes.set(payloadChecksum, at: 40)
        let checked = UnsafeRawBufferPointer(bytes).part(at: 0, count: 44)
        bytes.set(Self.checksum(of: checked, salt: salt, offset: offset), at: 44)
    }

    /// nil where the bytes are not the header of a frame written to this place, in this life of the
    /// file, or where it would not fit between the segment's headers.
    package init?(decoding bytes: UnsafeRawBufferPointer, in segment: SegmentHeader, at offset: Int)
    {
        guard bytes.count >= LogFormat.frameHeaderByteCount,
            bytes.integer(UInt32.self, at: 0) == LogFormat.frameMagic,
            Self.checksum(of: bytes.part(at: 0, count: 44), salt: segment.salt, offset: offset)
                == bytes.integer(UInt32.self, at: 44)
        else { return nil }
        payloadByteCount = Int(bytes.integer(UInt32.self, at: 4))
        firstLSN = bytes.integer(UInt64.self, at: 8)
        recordCount = Int(bytes.integer(UInt32.self, at: 16))
        epoch = bytes.integer(UInt32.self, at: 20)
        durableLSN = bytes.integer(UInt64.self, at: 24)
        frameTime = bytes.integer(Int64.self, at: 32)
        payloadChecksum = bytes.integer(UInt32.self, at: 40)
        guard firstLSN > 0, firstLSN <= RecordFormat.lsnMax - LSN(recordCount),
            durableLSN <= RecordFormat.lsnMax, epoch <= LogFormat.epochMax,
            // Broker time goes on from here.
            frameTime <= .max / 2,
            segment.frames.upperBound - offset >= byteCount(alignment: segment.alignment)
        else { return nil }
    }

    package init(
        payloadByteCount: Int, firstLSN: LSN, recordCount: Int, epoch: UInt32, durableLSN: LSN,
        frameTime: Int64, payloadChecksum: UInt32
    ) {
        self.payloadByteCount = payloadByteCount
        self.firstLSN = firstLSN
        self.recordCount = recordCount
        self.epoch = epoch
        self.durableLSN = durableLSN
        self.frameTime = frameTime
        self.payloadChecksum = payloadChecksum
    }

    private static func checksum(
        of bytes: UnsafeRawBufferPointer, salt: UInt64, offset: Int
    ) -> UInt32 {
        let salt = Mutant.noSaltInChecksum.isOn ? 0 : salt
        return Checksum.crc32c(bytes, continuing: Checksum.crc32c(salt, UInt64(offset)))
    }
}
