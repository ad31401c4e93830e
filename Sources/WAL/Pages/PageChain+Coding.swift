extension PageChain {
    /// What the fixed part takes, in bytes.
    private static var headByteCount: Int { 32 }

    /// Appends what brings the chain back: where it starts and ends, and the tail's entries. The pages
    /// are those of the snapshot that this is written for.
    ///
    /// ```
    ///  0 u32       sealed pages
    ///  4 u16       position of the oldest entry in the head page; 0 where there is none
    ///  6 u16       n, entries of the tail
    ///  8 u32, u64  reference of the head page; zero where there is none
    /// 20 u32, u64  place reserved for the tail; zero where there is none
    /// 32 n × 24 bytes
    /// ```
    package borrowing func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Self.headByteCount))
        guard let state else { return }
        let poppedCount = state.pointee.poppedCount
        let tailCount = Int(state.pointee.tailCount) - poppedCount
        bytes.withUnsafeMutableBytes { buffer in
            let head = UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            head.storeBytes(
                of: state.pointee.sealedPageCount.littleEndian, toByteOffset: 0, as: UInt32.self)
            let position = state.pointee.sealedPageCount == 0 ? 0 : state.pointee.position
            head.storeBytes(of: position.littleEndian, toByteOffset: 4, as: UInt16.self)
            head.storeBytes(
                of: UInt16(tailCount).littleEndian, toByteOffset: 6, as: UInt16.self)
            state.pointee.head.store(to: head.baseAddress! + 8)
            state.pointee.tail.store(to: head.baseAddress! + 20)
        }
        bytes.append(
            contentsOf: UnsafeRawBufferPointer(
                start: Self.tailEntries(state) + poppedCount,
                count: tailCount * MemoryLayout<Entry>.stride))
    }

    /// Reads what `encode` wrote.
    ///
    /// - Parameters:
    ///   - bytes: advances behind the chain; stays where it is if there is none.
    ///   - pages: where its pages are. A chain of more of them than are in use would be a ring.
    /// - Returns: nil where lengths and counts contradict each other.
    package init?(
        decoding bytes: inout UnsafeRawBufferPointer, owner: UInt64, in pages: PageSpace
    ) {
        self.init(owner: owner)
        guard bytes.count >= Self.headByteCount, let start = bytes.baseAddress else { return nil }
        let sealedPageCount = UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))
        let position = UInt16(
            littleEndian: start.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        let tailCount = Int(
            UInt16(littleEndian: start.loadUnaligned(fromByteOffset: 6, as: UInt16.self)))
        let head = PageReference(loadingFrom: start + 8)
        let tail = PageReference(loadingFrom: start + 20)
        let byteCount = Self.headByteCount + tailCount * MemoryLayout<Entry>.stride
        guard bytes.count >= byteCount, tailCount <= PageChainFormat.entryCountMax,
            Int(position) < PageChainFormat.entryCountMax
        else { return nil }
        // A tail of a chain that is not empty has an entry: it is sealed by the next one.
        if sealedPageCount > 0 {
            guard tailCount > 0, !head.isNone, !tail.isNone, head != tail,
                Int(sealedPageCount) <= pages.usedPageCount
            else { return nil }
        } else {
            guard position == 0, head == .none else { return nil }
            guard tailCount > 0 || tail == .none else { return nil }
        }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[byteCount...])
        guard tailCount > 0 else { return }
        let state = Self.allocate(tailCapacity: tailCount)
        UnsafeMutableRawPointer(Self.tailEntries(state)).copyMemory(
            from: start + Self.headByteCount, byteCount: byteCount - Self.headByteCount)
        state.pointee.head = head
        state.pointee.tail = tail
        state.pointee.sealedPageCount = sealedPageCount
        state.pointee.position = position
        state.pointee.tailCount = UInt16(tailCount)
        self.state = state
    }
}
