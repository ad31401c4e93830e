internal import Foundation
internal import HoldfastHarness

/// What a store takes of its volume.
struct StoreSize: CustomStringConvertible {
    /// The blocks of all its files.
    let allocatedByteCount: Int
    let segmentByteCount: Int

    /// L6: of a store in which all is done. Eight files of the reserve, two segments and the one that is
    /// written; and as much again for two snapshots and the places for the next ones, since a snapshot is
    /// taken when as many pages have changed as two segments would hold.
    private static let segmentCountMax = 2 * (8 + 2 + 1)

    /// - Parameter dataDirectory: of a broker that may be running: files that go meanwhile do not count.
    init(of dataDirectory: String) throws {
        var total = 0
        for name in try FileManager.default.subpathsOfDirectory(atPath: dataDirectory) {
            var status = stat()
            if lstat("\(dataDirectory)/\(name)", &status) == 0 {
                total += Int(status.st_blocks) * Self.blockByteCount
            }
        }
        allocatedByteCount = total
        let identity = try Data(contentsOf: URL(fileURLWithPath: "\(dataDirectory)/STORE"))
        guard identity.count >= Self.segmentLengthEnd else { throw TestFault("STORE is short") }
        // See docs/log-format.md.
        segmentByteCount = identity[(Self.segmentLengthEnd - 8)..<Self.segmentLengthEnd]
            .reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// As `stat` counts, whatever the file system's are.
    private static let blockByteCount = 512
    private static let segmentLengthEnd = 40

    var isThatOfAnEmptyStore: Bool {
        allocatedByteCount <= Self.segmentCountMax * segmentByteCount
    }

    var description: String {
        "\(allocatedByteCount) bytes, segments of \(segmentByteCount)"
    }
}
