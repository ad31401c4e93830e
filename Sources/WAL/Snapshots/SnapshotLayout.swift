/// Where pages, snapshots and what was put aside lie below the data directory.
///
/// ```
/// pages/00000000.pg      pages 1 up to the length of an extent
/// snap/0 snap/1 snap/2   three slots for snapshots
/// quarantine/snapshot-SLOT-SEQUENCE
/// ```
package enum SnapshotLayout {
    package static let pages = "pages"
    package static let snapshots = "snap"
    package static let quarantine = "quarantine"
    package static let slotCount = 3

    package static func slot(_ slot: Int) -> String {
        "\(snapshots)/\(slot)"
    }

    /// The file of extent `number`, from 0: eight digits, so that names sort as numbers do.
    package static func extent(_ number: Int) -> String {
        let digits = String(number)
        return "\(pages)/\("00000000".dropFirst(digits.utf8.count))\(digits).pg"
    }

    /// The number in the name of an extent; nil for every other name.
    static func extentNumber(ofName name: String) -> Int? {
        guard name.utf8.count == 11, name.hasSuffix(".pg"),
            name.utf8.prefix(8).allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(name.prefix(8))
    }

    static func quarantined(slot: Int, sequence: UInt64) -> String {
        "\(quarantine)/snapshot-\(slot)-\(sequence)"
    }

    /// The sequence in the name of a snapshot that was put aside; nil for every other name.
    static func quarantineSequence(ofName name: String) -> UInt64? {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "snapshot", Int(parts[1]) != nil else { return nil }
        return UInt64(parts[2])
    }
}
