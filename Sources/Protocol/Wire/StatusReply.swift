internal import HoldfastModel
package import NIOCore

/// The answer to STATUS: named values, so that a broker can tell more without a new version. A
/// client shows names that it does not know as they are.
///
/// ```
/// 0 u32 count
///   per value:
///   u8 length, name
///   u8 type            0 number, 1 text
///   u64                or: u16 length, text
/// ```
package struct StatusReply: Hashable, Sendable {
    package enum Value: Hashable, Sendable {
        case number(UInt64)
        case text(String)
    }

    package struct Entry: Hashable, Sendable {
        package var name: String
        package var value: Value

        package init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    package var entries: [Entry]

    package init(entries: [Entry]) {
        self.entries = entries
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        let count = try reader.itemCount(itemByteCountMin: 4)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let name = try reader.text8()
            let type = try reader.integer(UInt8.self)
            switch type {
            case 0: entries.append(Entry(name, .number(try reader.integer())))
            case 1: entries.append(Entry(name, .text(try reader.text16())))
            default: throw WireFault(.badRequest, "a status value has type 0 or 1")
            }
        }
        self.entries = entries
        try reader.end()
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(answerTo: .status, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(entries.count))
        for entry in entries {
            buffer.writeShort(cutting: entry.name)
            switch entry.value {
            case .number(let number):
                buffer.writeMultipleIntegers(UInt8(0), number, endianness: .little)
            case .text(let text):
                buffer.writeLittle(UInt8(1))
                buffer.writeMedium(cutting: text)
            }
        }
        frame.finish(in: &buffer)
    }
}
