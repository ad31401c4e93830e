/// Values in numbered slots that never move. Slots are counted from 1, so that 0 says "none".
/// Memory grows by chunks and never shrinks: as much as was ever in use at one time.
struct Slab<Element: BitwiseCopyable>: ~Copyable {
    private static var chunkShift: UInt32 { 10 }
    private static var chunkMask: UInt32 { (1 << chunkShift) - 1 }

    private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    private var chunkCapacity: Int
    private var chunkCount = 0
    /// The slot below which every one was given out before.
    private var nextFresh: UInt32 = 1
    /// The slot given back last; each of them starts with the number of the one before.
    private var free: UInt32 = 0
    private(set) var count = 0

    init() {
        precondition(MemoryLayout<Element>.size >= 4)
        chunkCapacity = 16
        chunks = .allocate(capacity: chunkCapacity)
    }

    deinit {
        for chunk in 0..<chunkCount { chunks[chunk].deallocate() }
        chunks.deallocate()
    }

    /// Where the value of a slot lies, as long as the slab lives.
    @inline(__always)
    func pointer(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
        chunks[Int(slot >> Self.chunkShift)] + Int(slot & Self.chunkMask)
    }

    @inline(__always)
    mutating func insert(_ element: Element) -> UInt32 {
        let slot: UInt32
        if free != 0 {
            slot = free
            free = UnsafeRawPointer(pointer(slot)).load(as: UInt32.self)
        } else {
            slot = nextFresh
            if Int(slot >> Self.chunkShift) == chunkCount { grow() }
            nextFresh += 1
        }
        pointer(slot).initialize(to: element)
        count += 1
        return slot
    }

    @inline(__always)
    mutating func remove(_ slot: UInt32) {
        UnsafeMutableRawPointer(pointer(slot)).storeBytes(of: free, as: UInt32.self)
        free = slot
        count -= 1
    }

    @inline(never)
    private mutating func grow() {
        if chunkCount == chunkCapacity {
            let grown = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(
                capacity: chunkCapacity * 2)
            grown.moveInitialize(from: chunks, count: chunkCount)
            chunks.deallocate()
            chunks = grown
            chunkCapacity *= 2
        }
        (chunks + chunkCount).initialize(to: .allocate(capacity: 1 << Int(Self.chunkShift)))
        chunkCount += 1
    }
}
