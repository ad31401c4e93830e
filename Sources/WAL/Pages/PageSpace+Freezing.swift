internal import HoldfastMutants

/// What the space remembers of a generation that is being written.
struct FrozenGeneration {
    let snapshotNumber: UInt32
    let frames: [UInt32]
    /// The first stamp that only this generation can have.
    let firstStamp: UInt64
}

extension PageSpace {
    /// Whether a frozen generation waits for `committed` or `abandoned`.
    package var isFrozen: Bool { frozen != nil }

    /// Ends the generation: its pages are immutable from now on. One at a time: the one before has
    /// been committed or abandoned. Takes time in proportion to the dirty pages, and copies none.
    package func freeze() -> FrozenPages {
        precondition(frozen == nil, "one generation is written at a time")
        var order: [UInt64] = []
        order.reserveCapacity(dirtyPageCount)
        var next = frames[Int(PageSpace.dirtyList)].next
        while next != PageSpace.dirtyList {
            order.append(UInt64(frames[Int(next)].number) << 32 | UInt64(next))
            frames[Int(next)].state = .frozen
            next = frames[Int(next)].next
        }
        frames[Int(PageSpace.dirtyList)].next = PageSpace.dirtyList
        frames[Int(PageSpace.dirtyList)].previous = PageSpace.dirtyList
        dirtyPageCount = 0
        order.sort()

        release(freeAtOnce)
        freeAtOnce.removeAll(keepingCapacity: true)
        let number = nextSnapshotNumber
        retired.append(RetiredPages(snapshotNumber: number, numbers: retiredSinceFreeze))
        retiredSinceFreeze = []
        frozen = FrozenGeneration(
            snapshotNumber: number, frames: order.map { UInt32(truncatingIfNeeded: $0) },
            firstStamp: firstStampOfGeneration)
        firstStampOfGeneration = nextStamp
        nextSnapshotNumber += 1
        generation &+= 1
        return FrozenPages(
            snapshotNumber: number, used: used,
            pages: order.map {
                let frame = UInt32(truncatingIfNeeded: $0)
                return (UInt32($0 >> 32), UnsafeRawPointer(frames[Int(frame)].memory))
            },
            storeChecksum: storeChecksum, owner: memory)
    }

    /// The snapshot is on the disk, and it and the one committed before it are those that are kept.
    package func committed(_ pages: FrozenPages) {
        let generation = takeFrozen(pages)
        for frame in generation.frames {
            if frames[Int(frame)].state == .frozen {
                setClean(frame)
            } else {
                releaseFrame(frame)
            }
        }
        releaseRetired(
            before: generation.snapshotNumber + (Mutant.pageReusedEarly.isOn ? 1 : 0))
    }

    /// The snapshot did not come about, and nobody reads its pages any more: what is still in use of
    /// them is dirty again, under its old number and stamp. The snapshot's number is not used again.
    package func abandoned(_ pages: FrozenPages) {
        let generation = takeFrozen(pages)
        // As if that freeze had not been: what it retired waits for the next one, and what was made
        // since the one before is in no snapshot.
        firstStampOfGeneration = generation.firstStamp
        let batch = retired.removeLast()
        var free = PageSet()
        for frame in generation.frames {
            if frames[Int(frame)].state == .frozen {
                setDirty(frame)
                continue
            }
            let memory = UnsafeRawPointer(frames[Int(frame)].memory)
            let reference = PageFormat.reference(of: memory)
            if reference.stamp >= generation.firstStamp { free.insert(reference.number) }
            releaseFrame(frame)
        }
        let numbers = retiredSinceFreeze.filter { !free.contains($0) }
        free.forEach { freeAtOnce.append($0) }
        retiredSinceFreeze = batch.numbers + numbers
        self.generation &+= 1
    }

    private func takeFrozen(_ pages: FrozenPages) -> FrozenGeneration {
        guard let generation = frozen, generation.snapshotNumber == pages.snapshotNumber else {
            preconditionFailure("only the generation that is being written can end so")
        }
        frozen = nil
        return generation
    }
}
