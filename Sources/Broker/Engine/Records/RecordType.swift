/// What a record says, by the low seven bits of its first byte. The numbers are for ever.
package enum RecordType: UInt8, CaseIterable, Sendable {
    case enqueue = 1
    case lease = 2
    case ack = 3
    case `return` = 4
    case due = 5
    case heartbeat = 6
    case reject = 7
    case redrive = 8
    case cancel = 9
    case queue = 10
    case producer = 11

    /// Set in the first byte where a reader that does not know the type must stop. Without it the
    /// record is skipped: that is the upgrade rule.
    static let mustUnderstandBit: UInt8 = 0x80

    /// The first byte of such a record, as this version writes it.
    var byte: UInt8 { rawValue | Self.mustUnderstandBit }

    init?(byte: UInt8) {
        self.init(rawValue: byte & ~Self.mustUnderstandBit)
    }

    /// The record's name in documents and dumps.
    package var name: String { "\(self)".uppercased() }

    static func name(ofByte byte: UInt8) -> String {
        RecordType(byte: byte)?.name ?? "type \(byte & ~mustUnderstandBit)"
    }
}
