package import HoldfastModel
package import NIOCore

/// A whole request is refused: it has had no effect.
///
/// ```
/// 0 u16 code           RefusalCode
/// 2 u16 reserved       0
/// 4 u32 retry after    ms; 0: the broker does not say
/// 8 u16 length, message
/// ```
package struct RefusalReply: Hashable, Sendable {
    package var code: RefusalCode
    package var retryAfterMilliseconds: UInt32
    package var message: String

    package init(code: RefusalCode, retryAfterMilliseconds: UInt32 = 0, message: String) {
        self.code = code
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.message = message
    }

    package init(_ fault: WireFault) {
        self.init(code: fault.code, message: fault.message)
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        let codeNumber = try reader.integer(UInt16.self)
        guard let code = RefusalCode(rawValue: codeNumber) else {
            throw WireFault(.badRequest, "refusal \(codeNumber) is not known to this client")
        }
        self.code = code
        try reader.reserved(2)
        retryAfterMilliseconds = try reader.integer()
        message = try reader.text16()
        try reader.end()
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(
            kindByte: ReplyKind.refusal.rawValue, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            code.rawValue, UInt16(0), retryAfterMilliseconds, endianness: .little)
        buffer.writeMedium(cutting: message)
        frame.finish(in: &buffer)
    }
}
