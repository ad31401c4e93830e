package import HoldfastPages
package import HoldfastRecords

/// The engine's state at the end of a batch, to be written while the engine goes on.
package struct EngineImage: Sendable {
    /// The last record that is part of it.
    package let lastLSN: LSN
    /// Broker time of that record, in milliseconds.
    package let frameTime: Int64
    /// What `JobEngine.init(configuration:pages:restoring:)` needs beside the pages.
    package let root: [UInt8]
    /// The pages that have changed since the image before; the space is told what became of them.
    package let pages: FrozenPages
    /// How many jobs were live in each of the ranges that were asked for.
    package let liveCounts: [Int]
}

extension EngineImage {
    /// What writing it takes: its root and its changed pages, in bytes.
    package var byteCount: Int { root.count + pages.count * PageFormat.byteCount }
}
