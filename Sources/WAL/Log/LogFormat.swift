/// The constants of the store's bytes. `docs/log-format.md` says all of it in words and in hex.
///
/// A change of any byte: first the document, then a new directory of fixtures beside
/// `Tests/WALTests/Fixtures/v1` (the old one stays for ever), then `version`, then the code, which
/// reads every version it ever wrote.
package enum LogFormat {
    package static let version: UInt32 = 1

    /// "HFSTORE\n", "HFSEGMNT", "HFINDEX\n", "HFCMPACT" and "HFRM" as they lie in a file.
    static let storeMagic: UInt64 = 0x0A45_524F_5453_4648
    static let segmentMagic: UInt64 = 0x544E_4D47_4553_4648
    static let sidecarMagic: UInt64 = 0x0A58_4544_4E49_4648
    static let compactedMagic: UInt64 = 0x5443_4150_4D43_4648
    static let frameMagic: UInt32 = 0x4D52_4648

    static let frameHeaderByteCount = 48
    /// Stamps of pages have 24 bits for the epoch, and an opening that passes damage counts on by as many
    /// segments as it misses.
    static let epochMax: UInt32 = (1 << 24) - (1 << 16)
    /// A segment's name has sixteen decimal digits.
    package static let segmentNumberMax: UInt64 = 1 << 53
    static let segmentHeaderByteCount = 64
    static let storeByteCount = 64

    /// Segments are at least four blocks long: two headers, START and one frame.
    package static let segmentByteCountMin = 16 * 1024
    package static let segmentByteCountMax = 1 << 30
    /// The bounds of what the volume's size decides.
    static let segmentByteCountByVolume = (1 << 20)...(64 << 20)

    /// `byteCount` rounded up to a multiple of `alignment`.
    static func padded(_ byteCount: Int, to alignment: Int) -> Int {
        (byteCount + alignment - 1) / alignment * alignment
    }
}
