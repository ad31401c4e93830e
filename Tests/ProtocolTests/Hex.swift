import Foundation
import NIOCore

/// Bytes as two hex digits each; what is behind a `#` is comment.
func bytes(hex text: some StringProtocol) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in text.split(separator: "\n") {
        let code = line.prefix { $0 != "#" }
        for word in code.split(whereSeparator: \.isWhitespace) {
            guard word.count == 2, let byte = UInt8(word, radix: 16) else {
                fatalError("\(word) is not a byte in hex")
            }
            bytes.append(byte)
        }
    }
    return bytes
}

/// Sixteen bytes a line.
func hex(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for (index, byte) in bytes.enumerated() {
        if index > 0 { text += index % 16 == 0 ? "\n" : " " }
        if byte < 16 { text += "0" }
        text += String(byte, radix: 16)
    }
    return text + "\n"
}

/// What a writer lays out.
func frame(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
    var buffer = ByteBuffer()
    write(&buffer)
    return Array(buffer.readableBytesView)
}

/// The root of the package.
let packageDirectory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
