internal import HoldfastMutants

extension PageSpace {
    /// The page, from memory or from the disk. Valid until the page is written or freed, or `trim`.
    ///
    /// - Returns: an empty page (count 0, zeros) where it is not what it should be; see `failure`.
    package func read(
        _ reference: PageReference, _ kind: PageKind, owner: UInt64
    ) -> UnsafeRawPointer {
        let frame = self.frame(holding: reference, kind, owner: owner)
        guard frame != 0 else {
            PageFormat.setHeader(emptyPage, reference, kind, owner: owner)
            return UnsafeRawPointer(emptyPage)
        }
        return UnsafeRawPointer(frames[Int(frame)].memory)
    }

    /// The frame of the page, which is in memory and what it should be afterwards; 0 otherwise.
    @inline(__always)
    func frame(
        holding reference: PageReference, _ kind: PageKind, owner: UInt64
    ) -> UInt32 {
        let frame = frameIndex[reference.number]
        if frame != 0, frames[Int(frame)].isExamined {
            let page = UnsafeRawPointer(frames[Int(frame)].memory)
            if PageFormat.reference(of: page) == reference,
                PageFormat.kindNumber(of: page) == kind.rawValue,
                PageFormat.owner(of: page) == owner
            {
                frames[Int(frame)].isReferenced = true
                return frame
            }
        }
        return examinedFrame(holding: reference, kind, owner: owner)
    }

    @inline(never)
    private func examinedFrame(
        holding reference: PageReference, _ kind: PageKind, owner: UInt64
    ) -> UInt32 {
        guard used.contains(reference.number) else {
            fail(reference, kind, .unused)
            return 0
        }
        var frame = frameIndex[reference.number]
        if frame == 0 {
            frame = load(reference, kind)
            guard frame != 0 else { return 0 }
        }
        if !frames[Int(frame)].isExamined { noteUse(of: reference.number) }
        let page = UnsafeRawPointer(frames[Int(frame)].memory)
        if let fault = fault(of: page, reference, kind, owner: owner) {
            fail(reference, kind, fault)
            return 0
        }
        // Its number would be used again at once when it is given up, as that of a page nobody has kept.
        lastReadStamp = max(lastReadStamp, reference.stamp)
        guard nextStamp == 0 || reference.stamp < nextStamp else {
            fail(reference, kind, .stamp(reference.stamp))
            return 0
        }
        // The first use is why it was read; the second chance is for what is used again.
        frames[Int(frame)].isExamined = true
        return frame
    }

    /// Pages that come into use one behind the other say that it is good to read several at a time.
    /// That one of many which were read ahead is used by chance says nothing.
    private func noteUse(of number: UInt32) {
        if number == lastExaminedNumber &+ 1 {
            readAheadPageCount = min(limits.readAheadPageCount, readAheadPageCount * 2)
        }
        lastExaminedNumber = number
    }

    private func fault(
        of page: UnsafeRawPointer, _ reference: PageReference, _ kind: PageKind, owner: UInt64
    ) -> PageFault? {
        let found = PageFormat.reference(of: page)
        if found.stamp != reference.stamp, !Mutant.pointerCheckedByChecksumOnly.isOn {
            return .stamp(found.stamp)
        }
        let kindNumber = PageFormat.kindNumber(of: page)
        if kindNumber != kind.rawValue { return .kind(kindNumber) }
        let foundOwner = PageFormat.owner(of: page)
        if foundOwner != owner { return .owner(foundOwner) }
        return PageFormat.isWellFormed(page, kind) ? nil : .illFormed
    }

    /// The page as it says itself, where its checksum, number and stamp are good.
    func peek(_ reference: PageReference) -> UnsafeRawPointer? {
        guard used.contains(reference.number) else { return nil }
        var frame = frameIndex[reference.number]
        if frame == 0 { frame = load(reference, .branch) }
        guard frame != 0 else { return nil }
        let page = UnsafeRawPointer(frames[Int(frame)].memory)
        return PageFormat.reference(of: page) == reference ? page : nil
    }

    /// Reads the page and, since one read of several costs hardly more than of one, those after it.
    /// What comes along is kept where its checksum and number are good; whether it is the page that
    /// somebody means shows when it is used.
    private func load(_ reference: PageReference, _ kind: PageKind) -> UInt32 {
        let first = reference.number
        var count = 1
        while count < readAheadPageCount, first < UInt32.max - UInt32(count),
            used.contains(first + UInt32(count)), frameIndex[first + UInt32(count)] == 0
        { count += 1 }
        let buffer = UnsafeMutableRawBufferPointer(
            rebasing: readBuffer[..<(count * PageFormat.byteCount)])
        counters.readCount += 1
        counters.readPageCount += count
        guard source(first, count, buffer) else {
            fail(reference, kind, .unreadable)
            return 0
        }
        var wanted: UInt32 = 0
        for position in 0..<count {
            let number = first + UInt32(position)
            let start = position * PageFormat.byteCount
            let page = UnsafeRawBufferPointer(
                rebasing: buffer[start..<start + PageFormat.byteCount])
            let fault = PageFormat.verify(page, at: number, storeChecksum: storeChecksum)
            if let fault {
                guard position == 0 else { continue }
                fail(reference, kind, fault)
                return 0
            }
            let frame = takeFrame(for: number)
            frames[Int(frame)].memory.copyMemory(
                from: page.baseAddress!, byteCount: PageFormat.byteCount)
            frames[Int(frame)].isExamined = false
            frames[Int(frame)].isReferenced = false
            setClean(frame)
            if position == 0 { wanted = frame }
        }
        return wanted
    }
}
