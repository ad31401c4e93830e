import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL

/// A store whose bits are flipped one by one, all of them numbered: file by file in the order of
/// their paths, byte by byte, the lowest bit first.
package struct FlipSubject: Sendable {
    /// One bit.
    package struct Place: Sendable, CustomStringConvertible {
        package let path: String
        /// In the file, in bytes.
        package let offset: Int
        package let bit: Int
        package let kind: StoreFileKind

        package var description: String { "\(path) byte \(offset) bit \(bit), \(kind.rawValue)" }
    }

    package struct Incomplete: Error, CustomStringConvertible {
        let missing: [StoreFileKind]
        package var description: String {
            "no store of this seed has all kinds of files; the last one had none of "
                + missing.map(\.rawValue).joined(separator: ", ")
        }
    }

    private struct Extent {
        let path: String
        let flips: Range<Int>
    }

    package let layout: FlipLayout
    package let seed: UInt64
    let disk: SimulatedDisk
    let storeLayout: StoreLayout
    let map: StoreMap
    let timeline: Timeline
    let clock: SimulatedClock
    let lastLSN: LSN
    /// Up to here something in the log says that it was durable.
    let certifiedLSN: LSN
    let liveJobs: [LSN]
    private let extents: [Extent]

    package var flipCount: Int { extents.last?.flips.upperBound ?? 0 }
    package var byteCount: Int { flipCount / 8 }
    package var presentKinds: Set<StoreFileKind> { map.presentKinds }

    /// Lets stores live and end again and again, and takes the smallest that has files and pages of
    /// every kind, and births that are read from sealed and from compacted segments.
    ///
    /// - Throws: where there is none, or the store fails.
    package init(_ layout: FlipLayout, seed: UInt64) throws {
        var smallest: (ending: FlipLife.Ending, map: StoreMap)?
        var missing: [StoreFileKind] = []
        for number in 0..<Self.lifeCount {
            var life = try FlipLife(layout, seed: ContentHash.mix(seed, number))
            for _ in 0..<Self.endingCount {
                let ending = try life.nextEnding()
                if let smallest, ending.disk.byteCount >= smallest.ending.disk.byteCount {
                    continue
                }
                let map = try StoreMap(ending.disk, life.storeLayout.configuration)
                missing = StoreFileKind.required.subtracting(map.presentKinds)
                    .sorted { $0.rawValue < $1.rawValue }
                if !missing.isEmpty || (map.unsaidFrame != nil) != (layout == .killed) { continue }
                smallest = (ending, map)
            }
        }
        guard let smallest else { throw Incomplete(missing: missing) }
        try self.init(layout, seed: seed, smallest.ending, smallest.map)
    }

    /// Lives, and endings of each, that are looked at: the shorter, the smaller.
    private static let lifeCount: UInt64 = 16
    private static let endingCount = 40

    private init(
        _ layout: FlipLayout, seed: UInt64, _ ending: FlipLife.Ending, _ map: StoreMap
    ) throws {
        self.layout = layout
        self.seed = seed
        storeLayout = layout.storeLayout
        timeline = ending.timeline
        clock = ending.clock
        disk = ending.disk
        self.map = map
        var extents: [Extent] = []
        var first = 0
        for path in disk.files {
            let count = (disk.contents(path)?.count ?? 0) * 8
            extents.append(Extent(path: path, flips: first..<first + count))
            first += count
        }
        self.extents = extents
        let store = try StoreUnderTest(
            SimulatedFileSystem(disk), layout: storeLayout, clock: clock,
            entropy: ContentHash.mix(seed, 0xF11B))
        lastLSN = store.lastLSN
        liveJobs = store.liveJobs
        certifiedLSN = map.unsaidFrame.map { $0.firstLSN - 1 } ?? lastLSN
    }

    package func place(_ flip: Int) -> Place? {
        guard let extent = extents.first(where: { $0.flips.contains(flip) }) else { return nil }
        let number = flip - extent.flips.lowerBound
        return Place(
            path: extent.path, offset: number / 8, bit: number % 8,
            kind: map.kind(extent.path, at: number / 8))
    }

    /// The line that repeats one flip.
    package func command(_ flip: Int) -> String {
        "make flips LAYOUT=\(layout.rawValue) SEED=\(seed) FROM=\(flip) TO=\(flip)"
    }
}

extension SimulatedDisk {
    /// Of all files, in bytes.
    fileprivate var byteCount: Int { files.reduce(0) { $0 + (contents($1)?.count ?? 0) } }
}
