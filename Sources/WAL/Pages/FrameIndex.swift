/// Which frame holds a page: four bytes for each page number, in two levels, since a dictionary would
/// be on the path of every operation.
struct FrameIndex: ~Copyable {
    private static let chunkShift: UInt32 = 12
    private static let chunkCount = 1 << Int(chunkShift)

    private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<UInt32>?>
    private var capacity = 64

    init() {
        chunks = .allocate(capacity: capacity)
        chunks.initialize(repeating: nil, count: capacity)
    }

    deinit {
        for index in 0..<capacity { chunks[index]?.deallocate() }
        chunks.deallocate()
    }

    /// The frame of the page; 0 where it is not in memory.
    @inline(__always)
    subscript(number: UInt32) -> UInt32 {
        let index = Int(number >> Self.chunkShift)
        guard index < capacity, let chunk = chunks[index] else { return 0 }
        return chunk[Int(number) & (Self.chunkCount - 1)]
    }

    mutating func set(_ frame: UInt32, for number: UInt32) {
        let index = Int(number >> Self.chunkShift)
        if index >= capacity { grow(toHold: index) }
        let chunk: UnsafeMutablePointer<UInt32>
        if let present = chunks[index] {
            chunk = present
        } else {
            chunk = .allocate(capacity: Self.chunkCount)
            chunk.initialize(repeating: 0, count: Self.chunkCount)
            chunks[index] = chunk
        }
        chunk[Int(number) & (Self.chunkCount - 1)] = frame
    }

    private mutating func grow(toHold index: Int) {
        var grown = capacity
        while grown <= index { grown *= 2 }
        let moved = UnsafeMutablePointer<UnsafeMutablePointer<UInt32>?>.allocate(capacity: grown)
        moved.initialize(repeating: nil, count: grown)
        moved.update(from: chunks, count: capacity)
        chunks.deallocate()
        chunks = moved
        capacity = grown
    }
}
