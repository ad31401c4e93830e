/// Base32 with the extended hex alphabet of RFC 4648 §7 in lower case and without padding: its
/// texts sort as the bytes do.
enum Base32 {
    private static let digits = Array("0123456789abcdefghijklmnopqrstuv".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 8 + 4) / 5)
        var pending: UInt32 = 0
        var pendingBitCount = 0
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            pendingBitCount += 8
            while pendingBitCount >= 5 {
                pendingBitCount -= 5
                text.append(digits[Int(pending >> UInt32(pendingBitCount) & 31)])
            }
        }
        if pendingBitCount > 0 {
            text.append(digits[Int(pending << UInt32(5 - pendingBitCount) & 31)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil where the text is not exactly `byteCount` bytes, written in the one way that
    ///   `encode` writes them (upper case is read as lower case).
    static func decode(_ text: String, byteCount: Int) -> [UInt8]? {
        guard text.utf8.count == (byteCount * 8 + 4) / 5 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        var pending: UInt32 = 0
        var pendingBitCount = 0
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "v"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "V"): digit = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            pending = pending << 5 | UInt32(digit)
            pendingBitCount += 5
            if pendingBitCount >= 8 {
                pendingBitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(pendingBitCount)))
                pending &= (1 << UInt32(pendingBitCount)) - 1
            }
        }
        // The bits left over must be zero, or two texts would name one id.
        return pending == 0 ? bytes : nil
    }
}

func bigEndianBytes(of value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}
