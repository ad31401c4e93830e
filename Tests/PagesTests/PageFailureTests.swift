import HoldfastPages
import Testing

@Suite struct PageFailureTests {
    private let disk = FakeDisk()

    /// A store of one page, written.
    private func committedPage() -> PageReference {
        let space = disk.open(PageLimits())
        let (reference, page) = space.create(.array, owner: 7)
        PageFormat.setCount(1, of: page)
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: reference)
        return reference
    }

    /// Reads and writes the page, which fails, and is harmless.
    private func fault(
        _ reference: PageReference, _ kind: PageKind = .array, owner: UInt64 = 7
    ) -> PageFault? {
        let space = disk.open(PageLimits())
        let page = space.read(reference, kind, owner: owner)
        #expect(PageFormat.count(of: page) == 0)
        #expect(PageFormat.kindNumber(of: page) == kind.rawValue)
        #expect(PageFormat.owner(of: page) == owner)
        let first = space.failure
        var written = reference
        let target = space.write(&written, kind, owner: owner)
        #expect(PageFormat.count(of: UnsafeRawPointer(target)) == 0)
        #expect(written != reference)
        #expect(space.read(written, kind, owner: owner) == UnsafeRawPointer(target))
        // The first failure stays.
        #expect(space.failure == first)
        guard case .page(reference, kind, let fault)? = first else {
            Issue.record("\(String(describing: first))")
            return nil
        }
        return fault
    }

    @Test("a disk that does not answer")
    func unreadable() {
        let reference = committedPage()
        disk.isReadable = false
        #expect(fault(reference) == .unreadable)
    }

    @Test("a page that was never written")
    func missing() {
        let reference = committedPage()
        disk.pages = [:]
        #expect(fault(reference) == .foreign)
    }

    @Test("a page with a changed byte")
    func damaged() {
        let reference = committedPage()
        disk.pages[reference.number]?[2000] ^= 16
        #expect(fault(reference) == .checksum)
    }

    @Test("references that lead elsewhere")
    func misled() {
        let reference = committedPage()
        #expect(fault(.none) == .unused)
        #expect(fault(PageReference(number: 900, stamp: reference.stamp)) == .unused)
        #expect(
            fault(PageReference(number: reference.number, stamp: 5)) == .stamp(reference.stamp))
        #expect(fault(reference, .leaf) == .kind(PageKind.array.rawValue))
        #expect(fault(reference, owner: 8) == .owner(7))
    }

    @Test("a page that was written to the wrong place")
    func misdirected() {
        let space = disk.open(PageLimits())
        let references = (0..<2).map { _ in space.create(.array, owner: 7).0 }
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: .none)
        disk.pages[references[0].number] = disk.pages[references[1].number]
        #expect(fault(references[0]) == .number(references[1].number))
    }

    @Test("a page whose stamp is of an opening that is yet to come")
    func future() throws {
        let number = committedPage().number
        let stamp = UInt64(1_000) << 40
        var bytes = try #require(disk.pages[number])
        withUnsafeBytes(of: stamp.littleEndian) {
            bytes.replaceSubrange(PageFormat.stampOffset..<PageFormat.stampOffset + 8, with: $0)
        }
        disk.pages[number] = FakeDisk.sealed(bytes)
        #expect(fault(PageReference(number: number, stamp: stamp)) == .stamp(stamp))
        // Read before the opening knows which one it is.
        let space = PageSpace(
            limits: PageLimits(), storeUUID: FakeDisk.uuid, used: disk.kept[0].used,
            snapshotNumber: 2, source: { self.disk.read($0, $1, $2) })
        _ = space.read(PageReference(number: number, stamp: stamp), .array, owner: 7)
        #expect(space.failure == nil)
        space.beginStamps(epoch: 9)
        #expect(space.failure?.isContradiction == true)
    }

    @Test("a page is freed once, and only by who has it")
    func freeing() {
        let reference = committedPage()
        var space = disk.open(PageLimits())
        space.free(reference)
        #expect(space.failure == nil)
        space.free(reference)
        #expect(space.failure?.fault == .unused)
        space = disk.open(PageLimits())
        _ = space.read(reference, .array, owner: 7)
        space.free(PageReference(number: reference.number, stamp: 99))
        #expect(space.failure?.fault == .stamp(reference.stamp))
        #expect(space.usedPageCount == 1)
    }

    @Test("a reserved place that holds a page is not made again")
    func creatingTwice() {
        let reference = committedPage()
        let space = disk.open(PageLimits())
        _ = space.read(reference, .array, owner: 7)
        _ = space.create(at: reference, .array, owner: 7)
        #expect(space.failure?.fault == .unused)
        #expect(space.dirtyPageCount == 1)
    }
}
