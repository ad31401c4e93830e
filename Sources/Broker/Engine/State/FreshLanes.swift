/// The lanes of the ready jobs that were never returned: of these nothing but their lane's entry says
/// where they are. About a byte for each job of a backlog, 200 bytes for one that stands alone.
struct FreshLanes {
    private struct Part {
        let lane: LaneNumber
        /// Bit b of word w: job part × 512 + w × 64 + b.
        var bits = SIMD8<UInt64>()
    }

    private var parts: [UInt64: [Part]] = [:]

    /// Adds a job that is in that lane as it was born. It may leave; it never gets into another.
    mutating func insert(_ lsn: UInt64, _ lane: LaneNumber) {
        var part = parts[lsn >> 9] ?? []
        // Not left in the table meanwhile: it would be copied.
        parts[lsn >> 9] = nil
        let index: Int
        if let known = part.firstIndex(where: { $0.lane == lane }) {
            index = known
        } else {
            part.append(Part(lane: lane))
            index = part.count - 1
        }
        part[index].bits[Int(lsn >> 6 & 7)] |= 1 << (lsn & 63)
        parts[lsn >> 9] = part
    }

    /// The lane that a job was put into; nil where it was put into none.
    func lane(of lsn: UInt64) -> LaneNumber? {
        parts[lsn >> 9]?.first { $0.bits[Int(lsn >> 6 & 7)] >> (lsn & 63) & 1 == 1 }?.lane
    }
}
