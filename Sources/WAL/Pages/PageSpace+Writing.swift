extension PageSpace {
    /// The page, to be changed. Of the current generation, it is as it is; else it gets another
    /// number and stamp: in the same memory where it is clean, in a copy while it is being written.
    /// Valid until the next `freeze`, or the page is freed.
    ///
    /// Where the page is not what it should be, an empty one takes its place; see `failure`.
    package func write(
        _ reference: inout PageReference, _ kind: PageKind, owner: UInt64
    ) -> UnsafeMutableRawPointer {
        let frame = self.frame(holding: reference, kind, owner: owner)
        if frame != 0, frames[Int(frame)].state == .dirty { return frames[Int(frame)].memory }
        return renumbered(&reference, frame, kind, owner: owner)
    }

    @inline(never)
    private func renumbered(
        _ reference: inout PageReference, _ frame: UInt32, _ kind: PageKind, owner: UInt64
    ) -> UnsafeMutableRawPointer {
        guard frame != 0 else {
            // What the reference leads to may be somebody else's: it is left alone.
            let (fresh, page) = create(kind, owner: owner)
            reference = fresh
            return page
        }
        let fresh = takeReference()
        giveUp(reference)
        var target = frame
        frameIndex.set(0, for: reference.number)
        if frames[Int(frame)].state == .frozen {
            target = takeFrame(for: fresh.number)
            frames[Int(target)].isPinned = frames[Int(frame)].isPinned
            frames[Int(target)].memory.copyMemory(
                from: frames[Int(frame)].memory, byteCount: PageFormat.byteCount)
            frames[Int(frame)].state = .frozenAndDropped
        } else {
            leaveList(frame)
            frames[Int(frame)].number = fresh.number
            frameIndex.set(frame, for: fresh.number)
        }
        setDirty(target)
        PageFormat.setReference(frames[Int(target)].memory, fresh)
        reference = fresh
        return frames[Int(target)].memory
    }

    /// A page with count 0 and zeroed content. Valid as after `write`.
    package func create(
        _ kind: PageKind, owner: UInt64
    ) -> (PageReference, UnsafeMutableRawPointer) {
        let reference = takeReference()
        return (reference, makePage(reference, kind, owner: owner))
    }

    /// A number and a stamp for a page that will be made later, by `create(at:)`, in this generation
    /// or another, in this life of the process or the next.
    package func reserve() -> PageReference {
        takeReference()
    }

    /// Makes a page at a reserved place. Valid as after `write`.
    package func create(
        at reference: PageReference, _ kind: PageKind, owner: UInt64
    ) -> UnsafeMutableRawPointer {
        // A damaged pointer must not lead to an overwritten page.
        guard used.contains(reference.number), isNotResident(reference) else {
            fail(reference, kind, .unused)
            return create(kind, owner: owner).1
        }
        return makePage(reference, kind, owner: owner)
    }

    /// A frame that was read ahead from a reserved number holds what was there before: it goes. That
    /// may be the very page, written for a snapshot that never came about before a crash.
    private func isNotResident(_ reference: PageReference) -> Bool {
        let frame = frameIndex[reference.number]
        guard frame != 0 else { return true }
        let found = PageFormat.reference(of: UnsafeRawPointer(frames[Int(frame)].memory))
        guard frames[Int(frame)].state == .clean,
            found.stamp != reference.stamp || !frames[Int(frame)].isExamined
        else { return false }
        dropFrame(frame)
        return true
    }

    private func makePage(
        _ reference: PageReference, _ kind: PageKind, owner: UInt64
    ) -> UnsafeMutableRawPointer {
        let frame = takeFrame(for: reference.number)
        let page = frames[Int(frame)].memory
        page.initializeMemory(as: UInt8.self, repeating: 0, count: PageFormat.byteCount)
        PageFormat.setHeader(page, reference, kind, owner: owner)
        setDirty(frame)
        return page
    }

    /// The state refers to the page, or the reservation, no longer. The number can be used again at
    /// once where no snapshot has it, else when no kept snapshot does.
    package func free(_ reference: PageReference) {
        guard !reference.isNone else { return }
        let frame = frameIndex[reference.number]
        if frame != 0 {
            let found = PageFormat.reference(of: UnsafeRawPointer(frames[Int(frame)].memory))
            guard found == reference || !frames[Int(frame)].isExamined else {
                // Somebody else's page stands there: the reference is a damaged one.
                return fail(reference, .leaf, .stamp(found.stamp))
            }
        }
        guard used.contains(reference.number) else {
            return fail(reference, .leaf, .unused)
        }
        if frame != 0 { dropFrame(frame) }
        giveUp(reference)
    }
}
