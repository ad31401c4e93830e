internal import HoldfastDisk
internal import HoldfastRecords

/// STARTs that are damaged, put together again from what else is known.
extension SegmentChain {
    /// What START has to have said, as its header, the frames behind it or a snapshot say; nil where
    /// there is no frame.
    func rebuildStart(_ reader: SegmentReader) throws(DiskError) -> Link? {
        let header = reader.header
        guard let found = try reader.nextFrame(from: header.frames.lowerBound) else { return nil }
        var frames: [FrameHeader] = []
        var place = reader.endOfStart
        while let (offset, frame) = try reader.nextFrame(from: place) {
            // Copies come first, and there are few: of the others one is enough.
            if frames.last?.epoch != frame.epoch || frames.count < 2 { frames.append(frame) }
            place = offset + header.alignment
        }
        let summary = summary(of: header)
        var start = found.header
        if found.offset > header.frames.lowerBound {
            start.epoch = frames.last?.epoch ?? start.epoch
            start.firstLSN = summary?.firstLSN ?? start.firstLSN
        }
        // Nothing was ever before it.
        if header.number == 1 { start.firstLSN = 1 }
        start.durableLSN = min(start.durableLSN, start.firstLSN - 1)
        let copies = frames.prefix { $0.epoch < start.epoch }
        return Link(
            header: header, startFrame: start,
            start: StartMark(
                clocks: LogStart(
                    bootID: UniqueID(high: 0, low: 0), wallMilliseconds: 0, bootMilliseconds: 0,
                    softwareVersion: ""),
                timeBaseMilliseconds: 0, previousNumber: 0,
                previousCut: header.frames.lowerBound, previousTailChecksum: 0,
                copiedLastLSN: copies.last?.lastLSN ?? 0, copiedFrameCount: copies.count),
            isStartRebuilt: true)
    }

    /// The clocks of a START that is lost are those of its neighbour: exactly, where both are of one
    /// opening.
    func setClocks(_ begun: inout [UInt64: Link]) {
        let whole = begun.values.filter { !$0.isStartRebuilt }.sorted { $0.number < $1.number }
        for (number, link) in begun where link.isStartRebuilt {
            guard
                let neighbour = whole.last(where: { $0.number < number })
                    ?? whole.first(where: { $0.number > number })
            else { continue }
            var start = neighbour.start
            start.previousNumber = link.start.previousNumber
            start.previousCut = link.start.previousCut
            start.previousTailChecksum = link.start.previousTailChecksum
            start.copiedLastLSN = link.start.copiedLastLSN
            start.copiedFrameCount = link.start.copiedFrameCount
            begun[number]?.start = start
        }
    }
}
