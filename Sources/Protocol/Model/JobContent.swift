/// What a job brings with it, as bytes that never change: the producer lays them out, the broker
/// checks them once, keeps them as they came in the birth record, and hands them to the worker.
///
/// ```
/// 0 u8  codec           0 none, 1 LZ4 block
/// 1 u8  kind length     bytes; 0 where the job has no kind
/// 2 u16 headers length  bytes
/// 4 u32 raw length      bytes of the payload before compression; with codec 0 its length
/// 8 kind, headers, payload (the rest)
/// ```
/// A header is `u8 name length, name, u16 value length, value`. Integers are little-endian.
package struct JobContent {
    package enum Codec: UInt8, Sendable {
        case none = 0
        case lz4 = 1
    }

    package static let fixedByteCount = 8

    package let codec: Codec
    package let rawByteCount: Int
    /// UTF-8, valid by `Name`, or empty.
    package let kind: UnsafeRawBufferPointer
    package let headers: UnsafeRawBufferPointer
    package let payload: UnsafeRawBufferPointer

    /// Why bytes are not a job's content.
    package struct Fault: Error {
        package let code: RefusalCode
        package let message: String
    }

    /// Reads a content, checking everything but what the compressed payload decompresses to. The
    /// views are valid as long as `bytes` are.
    ///
    /// - Parameter payloadByteCountMax: what may lie inline, of the payload as it is sent.
    package init(
        checking bytes: UnsafeRawBufferPointer, payloadByteCountMax: Int
    ) throws(Fault) {
        guard bytes.count >= Self.fixedByteCount else {
            throw Fault(code: .badRequest, message: "a job's content is at least 8 bytes long")
        }
        guard let codec = Codec(rawValue: bytes[0]) else {
            throw Fault(code: .notSupported, message: "codec \(bytes[0]) is not known")
        }
        let kindByteCount = Int(bytes[1])
        let headersByteCount = Int(
            UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        let rawByteCount = Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        let payloadStart = Self.fixedByteCount + kindByteCount + headersByteCount
        guard payloadStart <= bytes.count else {
            throw Fault(code: .badRequest, message: "kind and headers overrun the job's content")
        }
        kind = UnsafeRawBufferPointer(
            rebasing: bytes[Self.fixedByteCount..<Self.fixedByteCount + kindByteCount])
        headers = UnsafeRawBufferPointer(
            rebasing: bytes[Self.fixedByteCount + kindByteCount..<payloadStart])
        payload = UnsafeRawBufferPointer(rebasing: bytes[payloadStart...])
        self.codec = codec
        self.rawByteCount = rawByteCount
        guard payload.count <= payloadByteCountMax else {
            throw Fault(
                code: .payloadTooLarge,
                message: "a payload is at most \(payloadByteCountMax) bytes, "
                    + "this one is \(payload.count)")
        }
        guard codec != .none || rawByteCount == payload.count else {
            throw Fault(
                code: .badRequest, message: "raw length and length of the payload differ")
        }
        guard kindByteCount == 0 || Name.isValid(kind) else {
            throw Fault(code: .badName, message: "a kind is UTF-8 without control characters")
        }
        guard headersByteCount <= Limits.headersByteCountMax else {
            throw Fault(
                code: .badArgument,
                message: "the headers of a job are at most \(Limits.headersByteCountMax) bytes")
        }
        var count = 0
        guard
            try Self.forEachHeader(
                headers,
                { name, value throws(Fault) in
                    count += 1
                    guard Name.isValid(name) else {
                        throw Fault(
                            code: .badName,
                            message: "a header's name is 1 to 255 bytes of UTF-8 "
                                + "without control characters")
                    }
                    guard value.count <= Limits.headerValueByteCountMax else {
                        throw Fault(
                            code: .badArgument,
                            message: "the value of a header is at most "
                                + "\(Limits.headerValueByteCountMax) bytes")
                    }
                })
        else {
            throw Fault(code: .badRequest, message: "a header overruns the headers")
        }
        guard count <= Limits.headerCountMax else {
            throw Fault(
                code: .tooManyItems,
                message: "a job has at most \(Limits.headerCountMax) headers")
        }
    }

    /// Reads a content that was checked when it came in.
    ///
    /// - Returns: nil where the lengths do not fit, which a record with a good checksum never has.
    package init?(trusted bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.fixedByteCount, let codec = Codec(rawValue: bytes[0]) else {
            return nil
        }
        let kindEnd = Self.fixedByteCount + Int(bytes[1])
        let headersEnd =
            kindEnd
            + Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        guard headersEnd <= bytes.count else { return nil }
        self.codec = codec
        rawByteCount = Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        kind = UnsafeRawBufferPointer(rebasing: bytes[Self.fixedByteCount..<kindEnd])
        headers = UnsafeRawBufferPointer(rebasing: bytes[kindEnd..<headersEnd])
        payload = UnsafeRawBufferPointer(rebasing: bytes[headersEnd...])
    }

    /// Calls `body` for each header in order.
    ///
    /// - Returns: false where a header overruns the bytes; those before it were handed over.
    package static func forEachHeader<Failure: Error>(
        _ headers: UnsafeRawBufferPointer,
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Failure)
            -> Void
    ) throws(Failure) -> Bool {
        var offset = 0
        while offset < headers.count {
            let nameStart = offset + 1
            let nameEnd = nameStart + Int(headers[offset])
            guard nameEnd + 2 <= headers.count else { return false }
            let valueStart = nameEnd + 2
            let valueEnd =
                valueStart
                + Int(
                    UInt16(
                        littleEndian: headers.loadUnaligned(
                            fromByteOffset: nameEnd, as: UInt16.self)))
            guard valueEnd <= headers.count else { return false }
            try body(
                UnsafeRawBufferPointer(rebasing: headers[nameStart..<nameEnd]),
                UnsafeRawBufferPointer(rebasing: headers[valueStart..<valueEnd]))
            offset = valueEnd
        }
        return true
    }

    /// Lays a content out.
    ///
    /// The lengths of kind and headers must be within `Limits`; the broker checks them again.
    package static func bytes(
        kind: some Collection<UInt8>, headers: [(name: String, value: String)],
        payload: UnsafeRawBufferPointer, codec: Codec = .none, rawByteCount: Int? = nil
    ) -> [UInt8] {
        var headerBytes: [UInt8] = []
        for header in headers {
            headerBytes.append(UInt8(truncatingIfNeeded: header.name.utf8.count))
            headerBytes.append(contentsOf: header.name.utf8)
            appendLittleEndian(
                UInt16(truncatingIfNeeded: header.value.utf8.count), to: &headerBytes)
            headerBytes.append(contentsOf: header.value.utf8)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fixedByteCount + kind.count + headerBytes.count + payload.count)
        bytes.append(codec.rawValue)
        bytes.append(UInt8(truncatingIfNeeded: kind.count))
        appendLittleEndian(UInt16(truncatingIfNeeded: headerBytes.count), to: &bytes)
        appendLittleEndian(UInt32(truncatingIfNeeded: rawByteCount ?? payload.count), to: &bytes)
        bytes.append(contentsOf: kind)
        bytes.append(contentsOf: headerBytes)
        bytes.append(contentsOf: payload)
        return bytes
    }

    private static func appendLittleEndian(
        _ value: some FixedWidthInteger, to bytes: inout [UInt8]
    ) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
