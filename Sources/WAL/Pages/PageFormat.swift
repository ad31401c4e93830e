internal import CCRC32C

/// A page: 4,096 bytes, of which the first 40 say what it is. All integers are little-endian.
///
/// ```
///  0 u32 magic "HPGE"
///  4 u32 CRC32C of bytes 8..<4096, continuing CRC32C(uuid of the store)
///  8 u32 number                 where it belongs
/// 12 u16 kind                   PageKind
/// 14 u16 count                  the kind's affair
/// 16 u64 stamp                  which writing of it
/// 24 u32 snapshot number        the one that it was first written for
/// 28 u32 zero
/// 32 u64 owner                  whose page: a chain's lane, a bitmap's range, an array's identifier
///                               << 32 | position, a map node's level
/// 40     content
/// ```
/// The owner is there so that a reference that leads to somebody else's page is noticed.
package enum PageFormat {
    package static let byteCount = 4096
    package static let headerByteCount = 40
    package static let contentByteCount = byteCount - headerByteCount
    package static let magic: UInt32 = 0x4547_5048

    package static let checksumOffset = 4
    package static let numberOffset = 8
    package static let kindOffset = 12
    package static let countOffset = 14
    package static let stampOffset = 16
    package static let snapshotNumberOffset = 24
    package static let ownerOffset = 32

    /// The seed of every checksum of one store's pages. The uuid's bytes count in the order in
    /// which they are written as text.
    package static func storeChecksum(uuid: (UInt64, UInt64)) -> UInt32 {
        withUnsafeBytes(of: (uuid.0.bigEndian, uuid.1.bigEndian)) {
            holdfast_crc32c(0, $0.baseAddress, $0.count)
        }
    }

    static func checksum(_ page: UnsafeRawPointer, storeChecksum: UInt32) -> UInt32 {
        holdfast_crc32c(
            storeChecksum, page + numberOffset, byteCount - numberOffset)
    }

    /// Fills in the checksum, the last thing before a page is written.
    package static func seal(_ page: UnsafeMutableRawPointer, storeChecksum: UInt32) {
        page.storeBytes(
            of: checksum(page, storeChecksum: storeChecksum).littleEndian,
            toByteOffset: checksumOffset, as: UInt32.self)
    }

    /// Writes a header with count 0.
    static func setHeader(
        _ page: UnsafeMutableRawPointer, _ reference: PageReference, _ kind: PageKind, owner: UInt64
    ) {
        page.storeBytes(of: magic.littleEndian, as: UInt32.self)
        page.storeBytes(of: 0, toByteOffset: checksumOffset, as: UInt32.self)
        page.storeBytes(of: kind.rawValue.littleEndian, toByteOffset: kindOffset, as: UInt16.self)
        page.storeBytes(of: 0, toByteOffset: countOffset, as: UInt16.self)
        page.storeBytes(of: 0, toByteOffset: snapshotNumberOffset, as: UInt64.self)
        page.storeBytes(of: owner.littleEndian, toByteOffset: ownerOffset, as: UInt64.self)
        setReference(page, reference)
    }

    static func setReference(_ page: UnsafeMutableRawPointer, _ reference: PageReference) {
        page.storeBytes(
            of: reference.number.littleEndian, toByteOffset: numberOffset, as: UInt32.self)
        page.storeBytes(
            of: reference.stamp.littleEndian, toByteOffset: stampOffset, as: UInt64.self)
    }

    package static func reference(of page: UnsafeRawPointer) -> PageReference {
        PageReference(
            number: UInt32(
                littleEndian: page.load(fromByteOffset: numberOffset, as: UInt32.self)),
            stamp: UInt64(littleEndian: page.load(fromByteOffset: stampOffset, as: UInt64.self)))
    }

    package static func kindNumber(of page: UnsafeRawPointer) -> UInt16 {
        UInt16(littleEndian: page.load(fromByteOffset: kindOffset, as: UInt16.self))
    }

    package static func owner(of page: UnsafeRawPointer) -> UInt64 {
        UInt64(littleEndian: page.load(fromByteOffset: ownerOffset, as: UInt64.self))
    }

    package static func snapshotNumber(of page: UnsafeRawPointer) -> UInt32 {
        UInt32(littleEndian: page.load(fromByteOffset: snapshotNumberOffset, as: UInt32.self))
    }

    package static func count(of page: UnsafeRawPointer) -> Int {
        Int(UInt16(littleEndian: page.load(fromByteOffset: countOffset, as: UInt16.self)))
    }

    /// - Parameter count: at most 65,535.
    package static func setCount(_ count: Int, of page: UnsafeMutableRawPointer) {
        page.storeBytes(
            of: UInt16(truncatingIfNeeded: count).littleEndian, toByteOffset: countOffset,
            as: UInt16.self)
    }

    /// Whether the page is the one that was written under `reference`, by all that it says itself;
    /// the place that it was read from is checked by the caller who knows it.
    ///
    /// - Parameter page: 4,096 bytes, 8-byte aligned.
    package static func verify(
        _ page: UnsafeRawBufferPointer, is reference: PageReference, storeChecksum: UInt32
    ) -> PageFault? {
        if let fault = verify(page, at: reference.number, storeChecksum: storeChecksum) {
            return fault
        }
        let found = Self.reference(of: page.baseAddress!)
        return found.stamp == reference.stamp ? nil : .stamp(found.stamp)
    }

    /// Whether it is a whole page that belongs at `number`, of whatever stamp: for scans.
    package static func verify(
        _ page: UnsafeRawBufferPointer, at number: UInt32, storeChecksum: UInt32
    ) -> PageFault? {
        guard page.count == byteCount, let start = page.baseAddress else { return .foreign }
        guard UInt32(littleEndian: start.load(as: UInt32.self)) == magic else { return .foreign }
        let stored = UInt32(
            littleEndian: start.load(fromByteOffset: checksumOffset, as: UInt32.self))
        guard stored == checksum(start, storeChecksum: storeChecksum) else { return .checksum }
        let found = reference(of: start).number
        return found == number ? nil : .number(found)
    }
}
