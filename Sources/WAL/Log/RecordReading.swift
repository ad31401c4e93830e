internal import HoldfastDisk
internal import HoldfastRecords

/// Reads records of one segment by their places: neighbours in one go.
struct RecordReading {
    /// What one read takes at most, unless a single record is longer.
    static let byteCountMax = 256 * 1024
    /// Neighbours are further apart than this only if what lies between is cheaper to skip.
    static let gapByteCountMax = 64 * 1024
    /// What is read of a record whose length is not known yet.
    static let guessByteCount = 16 * 1024

    let file: any File

    /// - Parameter places: rising.
    func read(
        _ places: [SegmentIndex.Place], _ body: (LSN, UnsafeRawBufferPointer?) -> Void
    ) throws(DiskError) {
        var first = 0
        while first < places.count {
            var last = first
            while last + 1 < places.count,
                places[last + 1].offset - places[last].offset <= Self.gapByteCountMax,
                places[last + 1].offset - places[first].offset
                    <= Self.byteCountMax - Self.guessByteCount
            {
                last += 1
            }
            try read(places[first...last], body)
            first = last + 1
        }
    }

    private func read(
        _ places: ArraySlice<SegmentIndex.Place>, _ body: (LSN, UnsafeRawBufferPointer?) -> Void
    ) throws(DiskError) {
        let start = places.first!.offset
        let end = min(places.last!.limit, places.last!.offset + Self.guessByteCount)
        let bytes = try file.read(byteCount: end - start, at: start)
        for place in places {
            let longByteCount = bytes.withUnsafeBytes { bytes -> Int? in
                let offset = place.offset - start
                let byteCount = Self.byteCount(of: place, in: bytes, at: offset)
                if let byteCount, offset + byteCount > bytes.count { return byteCount }
                body(
                    place.lsn,
                    byteCount == nil
                        ? nil : RecordFormat.body(in: bytes, at: offset, lsn: place.lsn))
                return nil
            }
            guard let longByteCount else { continue }
            let long = try file.read(byteCount: longByteCount, at: place.offset)
            long.withUnsafeBytes { long in
                body(place.lsn, RecordFormat.body(in: long, at: 0, lsn: place.lsn))
            }
        }
    }

    /// How long the record is, head included; nil where there is none at this place, so that no
    /// more is ever read than the segment can hold.
    private static func byteCount(
        of place: SegmentIndex.Place, in bytes: UnsafeRawBufferPointer, at offset: Int
    ) -> Int? {
        guard offset >= 0, bytes.count - offset >= RecordFormat.indexedHeadByteCount,
            let head = RecordFormat.Head(bytes.integer(UInt32.self, at: offset)), head.isIndexed
        else { return nil }
        let byteCount = head.headByteCount + head.bodyByteCount
        return place.offset + byteCount <= place.limit ? byteCount : nil
    }
}
