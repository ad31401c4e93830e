/// The rule for the names of queues, kinds and headers: 1 to 255 bytes of UTF-8 without control
/// characters (U+0000 to U+001F and U+007F).
package enum Name {
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 1, bytes.count <= Limits.nameByteCountMax else { return false }
        var isASCII = true
        for byte in bytes {
            if byte < 0x20 || byte == 0x7F { return false }
            if byte >= 0x80 { isASCII = false }
        }
        return isASCII || String(validating: bytes, as: UTF8.self) != nil
    }

    package static func isValid(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { isValid(UnsafeRawBufferPointer($0)) }
    }
}
