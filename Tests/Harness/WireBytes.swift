package import HoldfastModel

/// Lays out the body of a request as docs/protocol.md describes it, by hand: what is tested here is
/// the broker against its page, not against the encoder that it is built with.
package struct BodyWriter {
    package private(set) var bytes: [UInt8] = []

    package mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func raw(_ value: some Sequence<UInt8>) {
        bytes.append(contentsOf: value)
    }

    package mutating func text8(_ text: String) {
        integer(UInt8(text.utf8.count))
        raw(text.utf8)
    }

    package mutating func text16(_ text: String) {
        integer(UInt16(text.utf8.count))
        raw(text.utf8)
    }

    package mutating func token(_ token: LeaseToken) {
        integer(token.lsn)
        integer(token.version)
        integer(token.check)
    }

    package mutating func id(_ id: JobID) {
        integer(id.lsn)
        integer(id.check)
    }

    package mutating func policy(_ policy: QueuePolicy) {
        integer(policy.visibilityTimeoutMilliseconds)
        integer(policy.attemptCountMax)
        integer(policy.interruptionCountMax)
        integer(policy.backoffMilliseconds)
        integer(policy.backoffMillisecondsMax)
    }

    package static func body(_ write: (inout BodyWriter) -> Void) -> [UInt8] {
        var writer = BodyWriter()
        write(&writer)
        return writer.bytes
    }
}

/// Reads the body of a reply from front to back.
package struct BodyReader {
    private let bytes: [UInt8]
    private var offset = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var remaining: Int { bytes.count - offset }

    package mutating func raw(_ count: Int) throws -> [UInt8] {
        guard count <= remaining else {
            throw TestFault("a reply of \(bytes.count) bytes ends before what it should hold")
        }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    package mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self
    ) throws -> Value {
        try raw(MemoryLayout<Value>.size).reversed().reduce(0) { $0 << 8 | Value($1) }
    }

    package mutating func text8() throws -> String {
        String(decoding: try raw(Int(try integer(UInt8.self))), as: UTF8.self)
    }

    package mutating func text16() throws -> String {
        String(decoding: try raw(Int(try integer(UInt16.self))), as: UTF8.self)
    }

    package mutating func token() throws -> LeaseToken {
        LeaseToken(lsn: try integer(), version: try integer(), check: try integer())
    }

    package mutating func id() throws -> JobID {
        JobID(lsn: try integer(), check: try integer())
    }

    package func end() throws {
        guard remaining == 0 else {
            throw TestFault("a reply goes on for \(remaining) bytes after what it should hold")
        }
    }
}
