internal import Foundation
internal import HoldfastCompression
internal import HoldfastModel

/// Kind, headers and payload of a job as the broker handed them out.
public struct JobBody: Sendable {
    /// Empty where the job has none.
    public let kind: String
    public let headers: [JobHeader]
    private let codec: JobContent.Codec
    private let rawByteCount: Int
    private let storedPayload: [UInt8]
    private let payloadByteCountMax: Int

    /// - Returns: nil where the bytes are no job's content.
    init?(_ content: UnsafeRawBufferPointer, payloadByteCountMax: Int) {
        guard let content = JobContent(trusted: content) else { return nil }
        var headers: [JobHeader] = []
        let areWhole = JobContent.forEachHeader(content.headers) { name, value in
            headers.append(
                JobHeader(
                    String(decoding: name, as: UTF8.self),
                    String(decoding: value, as: UTF8.self)))
        }
        guard areWhole else { return nil }
        kind = String(decoding: content.kind, as: UTF8.self)
        self.headers = headers
        codec = content.codec
        rawByteCount = content.rawByteCount
        storedPayload = Array(content.payload)
        self.payloadByteCountMax = payloadByteCountMax
    }

    /// The first header of that name.
    public func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    /// The payload, decompressed.
    ///
    /// - Throws: `BrokerClientError.Code.payloadUnreadable`.
    public var payload: [UInt8] {
        get throws {
            guard codec == .lz4 else { return storedPayload }
            guard rawByteCount <= payloadByteCountMax else {
                throw BrokerClientError(
                    .payloadUnreadable,
                    "the payload is \(rawByteCount) bytes long, the client takes at most "
                        + "\(payloadByteCountMax)")
            }
            guard
                let payload = storedPayload.withUnsafeBytes({
                    LZ4Block.decompress($0, rawByteCount: rawByteCount)
                })
            else {
                throw BrokerClientError(
                    .payloadUnreadable, "the payload does not decompress to what it says")
            }
            return payload
        }
    }

    /// The payload as the parameters that were enqueued.
    ///
    /// - Throws: `BrokerClientError.Code.payloadUnreadable`, or what decoding JSON throws.
    public func decode<Parameters: Decodable>(_ type: Parameters.Type) throws -> Parameters {
        try JSONDecoder().decode(type, from: Data(try payload))
    }
}
