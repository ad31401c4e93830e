import HoldfastPages
import Testing

@Suite struct PageFormatTests {
    private let storeChecksum = PageFormat.storeChecksum(uuid: FakeDisk.uuid)

    /// A page as it is written, of kind chain, with something in it.
    private func page() -> (PageReference, [UInt8]) {
        let space = FakeDisk().open(PageLimits())
        let (reference, page) = space.create(.chain, owner: 0x0102_0304_0506_0708)
        PageFormat.setCount(3, of: page)
        for offset in 40..<140 {
            page.storeBytes(of: UInt8(offset), toByteOffset: offset, as: UInt8.self)
        }
        return (reference, FakeDisk.bytes(of: space.freeze(), at: 0))
    }

    private func verify(_ bytes: [UInt8], is reference: PageReference) -> PageFault? {
        var words = [UInt64](repeating: 0, count: 512)
        return words.withUnsafeMutableBytes {
            $0.copyBytes(from: bytes)
            return PageFormat.verify(
                UnsafeRawBufferPointer($0), is: reference, storeChecksum: storeChecksum)
        }
    }

    @Test("the header's bytes are where the format says")
    func header() {
        let (reference, bytes) = page()
        #expect(reference == PageReference(number: 1, stamp: 1 << 40))
        #expect(Array(bytes[0..<4]) == Array("HPGE".utf8))
        #expect(
            Array(bytes[8..<40]) == [
                1, 0, 0, 0, 3, 0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0,
                1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
            ])
        #expect(verify(bytes, is: reference) == nil)
    }

    @Test("every flipped bit of a page is noticed")
    func bitFlips() {
        let (reference, bytes) = page()
        var words = [UInt64](repeating: 0, count: 512)
        words.withUnsafeMutableBytes { target in
            target.copyBytes(from: bytes)
            for bit in 0..<(4096 * 8) {
                target[bit / 8] ^= 1 << (bit % 8)
                let fault = PageFormat.verify(
                    UnsafeRawBufferPointer(target), is: reference, storeChecksum: storeChecksum)
                if fault == nil { Issue.record("bit \(bit) flipped unnoticed") }
                target[bit / 8] ^= 1 << (bit % 8)
            }
        }
    }

    @Test("a page is not taken for another one, nor for another store's")
    func identity() {
        let (reference, bytes) = page()
        #expect(
            verify(bytes, is: PageReference(number: 2, stamp: reference.stamp)) == .number(1))
        #expect(
            verify(bytes, is: PageReference(number: 1, stamp: reference.stamp + 1))
                == .stamp(1 << 40))
        #expect(verify([UInt8](repeating: 0, count: 4096), is: reference) == .foreign)
        var words = [UInt64](repeating: 0, count: 512)
        let fault = words.withUnsafeMutableBytes {
            $0.copyBytes(from: bytes)
            return PageFormat.verify(
                UnsafeRawBufferPointer($0), is: reference,
                storeChecksum: PageFormat.storeChecksum(uuid: (1, 2)))
        }
        #expect(fault == .checksum)
    }

    @Test("a reference reads back from any address")
    func references() {
        let reference = PageReference(number: 0x0102_0304, stamp: 0x1112_1314_1516_1718)
        var bytes = [UInt8](repeating: 0, count: 13)
        bytes.withUnsafeMutableBytes { reference.store(to: $0.baseAddress! + 1) }
        #expect(bytes == [0, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11])
        let loaded = bytes.withUnsafeBytes { PageReference(loadingFrom: $0.baseAddress! + 1) }
        #expect(loaded == reference)
        #expect(!loaded.isNone && PageReference.none.isNone)
    }
}
