/// A place in memory for one page.
struct PageFrame {
    enum State: UInt8 {
        /// In no use.
        case free
        /// As it is on the disk.
        case clean
        /// Of the current generation: may be changed.
        case dirty
        /// Being written: may be read.
        case frozen
        /// Being written, and already given up or replaced by a copy.
        case frozenAndDropped
    }

    let memory: UnsafeMutableRawPointer
    var number: UInt32 = 0
    /// Neighbours in the list that the frame is in: of free frames, of dirty ones, or of those that
    /// may be evicted.
    var next: UInt32 = 0
    var previous: UInt32 = 0
    var state = State.free
    /// Touched since the hand of the clock was here.
    var isReferenced = false
    var isPinned = false
    /// Stamp, kind and form have been found good; read-ahead has looked at checksum and number only.
    var isExamined = false
}
