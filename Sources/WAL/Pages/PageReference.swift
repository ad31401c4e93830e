/// Where a page is, and which writing of it.
///
/// The number is a place and is used again; the stamp is unique for ever (epoch of the log's opening
/// << 40 | counter), so that a stale page, whole and with a good checksum, is never taken for the
/// one that was written after it.
///
/// ```
/// 0 u32 number, from 1 on; 0: no page
/// 4 u64 stamp
/// ```
@usableFromInline
package struct PageReference: Equatable, Hashable, Sendable {
    /// What a reference takes in a page or a root, in bytes.
    package static let byteCount = 12
    @usableFromInline package static let none = PageReference(number: 0, stamp: 0)

    package let number: UInt32
    package let stamp: UInt64

    package var isNone: Bool { number == 0 }

    package init(number: UInt32, stamp: UInt64) {
        self.number = number
        self.stamp = stamp
    }

    /// From 12 bytes at any address.
    @usableFromInline
    package init(loadingFrom bytes: UnsafeRawPointer) {
        number = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        stamp = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    /// Into 12 bytes at any address.
    package func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: number.littleEndian, as: UInt32.self)
        bytes.storeBytes(of: stamp.littleEndian, toByteOffset: 4, as: UInt64.self)
    }
}
