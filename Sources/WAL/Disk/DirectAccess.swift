internal import CDisk
internal import Glibc
internal import Synchronization

/// A file opened past the page cache (O_DIRECT): transfers of whole blocks between the disk and
/// aligned memory.
final class DirectAccess: Sendable {
    /// What offsets, lengths and addresses have to be multiples of, in bytes.
    private static let alignment = 4096

    private enum Use: Int, AtomicRepresentable {
        case notYet, inUse, disabled
    }

    private let descriptor: Int32
    private let use: Atomic<Use>

    /// - Parameters:
    ///   - descriptor: closed when this goes.
    ///   - isInUse: whether reads go this way from the beginning.
    init(descriptor: Int32, isInUse: Bool = false) {
        self.descriptor = descriptor
        use = Atomic(isInUse ? .inUse : .notYet)
    }

    deinit {
        close(descriptor)
    }

    /// Whether reads have to go this way: something was written so, or that is what it was opened for.
    var isInUse: Bool { use.load(ordering: .acquiring) == .inUse }

    func disable() {
        use.store(.disabled, ordering: .releasing)
    }

    /// Whether the bytes can be written as they lie.
    func takes(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        use.load(ordering: .acquiring) != .disabled
            && (UInt(bitPattern: bytes.baseAddress) | UInt(bytes.count) | UInt(offset))
                % UInt(Self.alignment) == 0
    }

    func writeDurably(
        _ bytes: UnsafeRawBufferPointer, at offset: Int
    ) -> (done: Int, code: Int32?) {
        use.store(.inUse, ordering: .releasing)
        return Transfer.run(byteCount: bytes.count) { done in
            Transfer.result(
                holdfast_pwrite_durably(
                    descriptor, bytes.baseAddress! + done, bytes.count - done,
                    off_t(offset + done)))
        }
    }

    /// Reads the blocks around the bytes asked for into memory of its own.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) -> (done: Int, code: Int32?) {
        let start = offset / Self.alignment * Self.alignment
        let end = (offset + buffer.count + Self.alignment - 1) / Self.alignment * Self.alignment
        let blocks = UnsafeMutableRawBufferPointer.allocate(
            byteCount: end - start, alignment: Self.alignment)
        defer { blocks.deallocate() }
        let (done, code) = Transfer.run(byteCount: blocks.count) { done in
            // Behind a short read the next would not begin on a block: the file ends there.
            guard done % Self.alignment == 0 else { return 0 }
            return Transfer.result(
                pread(
                    descriptor, blocks.baseAddress! + done, blocks.count - done,
                    off_t(start + done)))
        }
        let count = min(max(done - (offset - start), 0), buffer.count)
        buffer.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: blocks[offset - start..<offset - start + count]))
        return (count, count == buffer.count ? nil : code)
    }
}
