package import HoldfastPages
package import HoldfastRecords
internal import HoldfastSnapshots
package import HoldfastWAL

/// Something in a data directory that is not what was written, or that contradicts the rest.
package enum StoreDamage: Sendable, Equatable, CustomStringConvertible {
    case log(LogDamage)
    /// A slot holds no whole snapshot, and is not empty.
    case slot(Int, reason: String, number: UInt64?)
    case page(PageDamage)
    /// The snapshot before the newest one lists a segment that is missing, or another one by now.
    case previousListing(segment: UInt64, snapshotNumber: UInt64)
    /// Pages are whole, and what they say cannot be.
    case state(String)
    /// A start would be refused, and none of the above says why.
    case start(String)

    package struct PageDamage: Sendable, Equatable {
        package let number: UInt32
        package let path: String
        /// In that file, in bytes.
        package let offset: Int
        package let fault: PageFault
        /// Which of the kept snapshots need it, by number.
        package let snapshotNumbers: [UInt64]
    }

    /// The file that it is in; nil where it is in none in particular.
    package var path: String? {
        switch self {
        case .log(let damage): damage.path
        case .slot(let slot, _, _): SnapshotLayout.slot(slot)
        case .page(let page): page.path
        case .previousListing, .state, .start: nil
        }
    }

    /// Where in the file, in bytes.
    package var extent: Range<Int>? {
        switch self {
        case .log(let damage): damage.offset..<damage.offset + damage.byteCount
        case .page(let page): page.offset..<page.offset + PageFormat.byteCount
        case .slot, .previousListing, .state, .start: nil
        }
    }

    /// Whether pages contradict each other.
    package var isOfState: Bool {
        if case .state = self { true } else { false }
    }

    /// The records concerned.
    package var lsns: ClosedRange<LSN>? {
        if case .log(let damage) = self { damage.lsns } else { nil }
    }

    /// What is wrong, without the place.
    package var reason: String {
        switch self {
        case .log(let damage): damage.kind.rawValue
        case .slot(_, let reason, let number):
            (number.map { "snapshot \($0)" } ?? "a snapshot")
                + " is not whole (its writing was interrupted, or it is damaged): \(reason)"
        case .page(let page):
            "page \(page.number): \(page.fault), needed by snapshot "
                + page.snapshotNumbers.map { String($0) }.joined(separator: " and ")
        case .previousListing(let segment, let number):
            "segment \(segment), which snapshot \(number) lists, is missing, or another one"
        case .state(let fault): "what the pages say contradicts itself: \(fault)"
        case .start(let reason): "a broker would not start: \(reason)"
        }
    }

    package var description: String {
        if case .log(let damage) = self { return "\(damage)" }
        guard let path else { return reason }
        return extent.map { "\(path), offset \($0.lowerBound): \(reason)" } ?? "\(path): \(reason)"
    }
}
