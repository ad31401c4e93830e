/// The pages of a generation that has ended, to be written to the disk. Their memory does not change
/// until the space is told that they are committed or abandoned, and may be read by another thread
/// until then.
package struct FrozenPages: @unchecked Sendable {
    package let snapshotNumber: UInt32
    /// All pages of the state at the freeze, written now or before, reserved ones included.
    package let used: PageSet
    let pages: [(number: UInt32, memory: UnsafeRawPointer)]
    let storeChecksum: UInt32
    /// Keeps the pages' memory.
    let owner: PageMemory

    /// Pages to write.
    package var count: Int { pages.count }

    /// Where page `index` belongs; rises with the index.
    package func number(at index: Int) -> UInt32 { pages[index].number }

    /// Copies the pages of `range`, one after the other, with what a header gets last: the number of
    /// the snapshot and the checksum.
    ///
    /// - Parameter buffer: at least 4,096 bytes a page, 8-byte aligned.
    package func copy(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) {
        precondition(
            buffer.count >= range.count * PageFormat.byteCount, "a page needs 4,096 bytes")
        for (position, index) in range.enumerated() {
            let page = buffer.baseAddress! + position * PageFormat.byteCount
            page.copyMemory(from: pages[index].memory, byteCount: PageFormat.byteCount)
            page.storeBytes(
                of: snapshotNumber.littleEndian, toByteOffset: PageFormat.snapshotNumberOffset,
                as: UInt32.self)
            PageFormat.seal(page, storeChecksum: storeChecksum)
        }
    }
}
