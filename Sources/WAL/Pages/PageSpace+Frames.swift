// Frames are linked into lists through their first members, which hold no page: the ones without a
// page, the ones that may be evicted (a clock: its hand stands before the first), and the dirty ones.
// Frozen and pinned clean ones are in none.
extension PageSpace {
    static let freeList: UInt32 = 0
    static let evictableList: UInt32 = 1
    static let dirtyList: UInt32 = 2
    static let listCount = 3

    @inline(__always)
    func append(_ frame: UInt32, to list: UInt32) {
        let last = frames[Int(list)].previous
        frames[Int(frame)].previous = last
        frames[Int(frame)].next = list
        frames[Int(last)].next = frame
        frames[Int(list)].previous = frame
    }

    @inline(__always)
    func unlink(_ frame: UInt32) {
        let (previous, next) = (frames[Int(frame)].previous, frames[Int(frame)].next)
        frames[Int(previous)].next = next
        frames[Int(next)].previous = previous
    }

    /// A frame for a page that is about to be in memory; in no list.
    func takeFrame(for number: UInt32) -> UInt32 {
        var frame = frames[Int(PageSpace.freeList)].previous
        if frame != PageSpace.freeList {
            unlink(frame)
        } else {
            if frameCount == frameCapacity { growFrames() }
            frame = UInt32(frameCount)
            (frames + frameCount).initialize(to: PageFrame(memory: memory.allocate()))
            frameCount += 1
        }
        frames[Int(frame)].number = number
        frames[Int(frame)].isReferenced = true
        frames[Int(frame)].isPinned = false
        frames[Int(frame)].isExamined = true
        frameIndex.set(frame, for: number)
        residentPageCount += 1
        return frame
    }

    private func growFrames() {
        let moved = UnsafeMutablePointer<PageFrame>.allocate(capacity: frameCapacity * 2)
        moved.moveInitialize(from: frames, count: frameCount)
        frames.deallocate()
        frames = moved
        frameCapacity *= 2
    }

    func setClean(_ frame: UInt32) {
        frames[Int(frame)].state = .clean
        if !frames[Int(frame)].isPinned { makeEvictable(frame) }
    }

    func setDirty(_ frame: UInt32) {
        frames[Int(frame)].state = .dirty
        append(frame, to: PageSpace.dirtyList)
        dirtyPageCount += 1
    }

    private func makeEvictable(_ frame: UInt32) {
        append(frame, to: PageSpace.evictableList)
        evictablePageCount += 1
    }

    /// Takes a clean or dirty frame out of the list that it is in.
    func leaveList(_ frame: UInt32) {
        switch frames[Int(frame)].state {
        case .dirty:
            unlink(frame)
            dirtyPageCount -= 1
        case .clean where !frames[Int(frame)].isPinned:
            unlink(frame)
            evictablePageCount -= 1
        case .clean, .free, .frozen, .frozenAndDropped: break
        }
    }

    /// The frame, in no list any more, holds no page.
    func releaseFrame(_ frame: UInt32) {
        frames[Int(frame)].state = .free
        frames[Int(frame)].isPinned = false
        append(frame, to: PageSpace.freeList)
        residentPageCount -= 1
    }

    /// The page is in memory no longer, unless it is being written: then its memory stays until that
    /// is over.
    func dropFrame(_ frame: UInt32) {
        frameIndex.set(0, for: frames[Int(frame)].number)
        if frames[Int(frame)].state == .frozen {
            frames[Int(frame)].state = .frozenAndDropped
        } else {
            leaveList(frame)
            releaseFrame(frame)
        }
    }

    /// Keeps the page in memory until it is freed or unpinned, also when `write` gives it another
    /// number. For a page that is in memory, right after it was read or made; else it does nothing.
    package func pin(_ reference: PageReference) {
        let frame = frameIndex[reference.number]
        guard frame != 0, !frames[Int(frame)].isPinned else { return }
        leaveListIfEvictable(frame)
        frames[Int(frame)].isPinned = true
    }

    /// It may be evicted again.
    package func unpin(_ reference: PageReference) {
        let frame = frameIndex[reference.number]
        guard frame != 0, frames[Int(frame)].isPinned else { return }
        frames[Int(frame)].isPinned = false
        if frames[Int(frame)].state == .clean { makeEvictable(frame) }
    }

    private func leaveListIfEvictable(_ frame: UInt32) {
        if frames[Int(frame)].state == .clean { leaveList(frame) }
    }

    /// Evicts clean pages until the cache is within its budget, or only others are left. To be called
    /// when no pointer into a page is in use any more: nothing else evicts.
    @inline(__always)
    package func trim() {
        if residentPageCount > limits.cachedPageCountMax { evict() }
    }

    private func evict() {
        while residentPageCount > limits.cachedPageCountMax, evictablePageCount > 0 {
            let frame = frames[Int(PageSpace.evictableList)].next
            if frames[Int(frame)].isReferenced {
                // The second chance: the hand passes it once.
                frames[Int(frame)].isReferenced = false
                unlink(frame)
                append(frame, to: PageSpace.evictableList)
                continue
            }
            // It was read ahead for nothing.
            if !frames[Int(frame)].isExamined {
                readAheadPageCount = max(1, readAheadPageCount / 2)
            }
            counters.evictedPageCount += 1
            dropFrame(frame)
        }
    }
}
