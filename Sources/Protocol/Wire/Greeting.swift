internal import HoldfastModel
package import NIOCore

/// HELLO, the first frame of every connection.
///
/// ```
///  0 u32 magic            "HLDF"
///  4 u16 oldest version   that the client speaks
///  6 u16 newest version
///  8 producer id          16 bytes; zeros: enqueues of this connection are not repeatable
/// 24 u32 features         0
/// 28 u8 length, client name
/// ```
package struct HelloRequest {
    package let clientOldestVersion: UInt16
    package let clientNewestVersion: UInt16
    package let producer: ProducerID?
    /// For people who look at connections; empty where the client says none.
    package let clientName: String

    /// Reads a greeting. Its first eight bytes mean the same in every version.
    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        guard try reader.integer(UInt32.self) == ProtocolVersion.magic else {
            throw WireFault(.badRequest, "the connection does not open with a greeting of Holdfast")
        }
        clientOldestVersion = try reader.integer()
        clientNewestVersion = try reader.integer()
        guard clientOldestVersion <= clientNewestVersion else {
            throw WireFault(.badRequest, "the oldest version is newer than the newest")
        }
        guard
            ProtocolVersion.agreed(
                clientOldest: clientOldestVersion, clientNewest: clientNewestVersion) != nil
        else {
            throw WireFault(
                .unsupportedVersion,
                "the broker speaks versions \(ProtocolVersion.oldest) to "
                    + "\(ProtocolVersion.newest) of the protocol, the client "
                    + "\(clientOldestVersion) to \(clientNewestVersion)")
        }
        producer = try ProducerID(from: &reader)
        guard try reader.integer(UInt32.self) == 0 else { throw .reservedBytes }
        let name = try reader.shortBytes()
        guard name.isEmpty || Name.isValid(name) else {
            throw WireFault(.badName, "a client's name is UTF-8 without control characters")
        }
        clientName = String(decoding: name, as: UTF8.self)
        try reader.end()
    }

    /// - Parameter clientName: empty, or a valid `Name`.
    package static func write(
        correlation: UInt32, oldestVersion: UInt16 = ProtocolVersion.oldest,
        newestVersion: UInt16 = ProtocolVersion.newest, producer: ProducerID?, clientName: String,
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.hello, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            ProtocolVersion.magic, oldestVersion, newestVersion, endianness: .little)
        (producer ?? .none).write(into: &buffer)
        buffer.writeLittle(UInt32(0))
        buffer.writeShort(clientName)
        frame.finish(in: &buffer)
    }
}

/// Who enqueues: drawn at random by each client instance, so that the broker can tell a repeated
/// enqueue from a new one over any number of connections.
package struct ProducerID: Hashable, Sendable {
    package let low: UInt64
    package let high: UInt64

    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    static let none = ProducerID(low: 0, high: 0)

    init?(from reader: inout WireReader) throws(WireFault) {
        low = try reader.integer()
        high = try reader.integer()
        if low == 0 && high == 0 { return nil }
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(low, high, endianness: .little)
    }
}

/// The answer to HELLO.
///
/// ```
///  0 u16 version          of the protocol, from here on
///  2 u16 reserved         0
///  4 store uuid           16 bytes
/// 20 u64 connection id    names the connection in the broker's log
/// 28 i64 broker time      ms since 1970
/// 36 u16 n, n × u32       AnnouncedLimits
///    u8 length, software  name and version of the broker, for people
/// ```
package struct HelloReply: Hashable, Sendable {
    package var version: UInt16
    /// The 16 bytes of the store's uuid, in its order.
    package var storeUUID: (UInt64, UInt64) { (storeUUIDFirst, storeUUIDSecond) }
    package var connectionID: UInt64
    package var brokerMilliseconds: Int64
    package var limits: AnnouncedLimits
    package var software: String
    private var storeUUIDFirst: UInt64
    private var storeUUIDSecond: UInt64

    /// - Parameter storeUUID: its 16 bytes in two little-endian halves.
    package init(
        version: UInt16, storeUUID: (UInt64, UInt64), connectionID: UInt64,
        brokerMilliseconds: Int64, limits: AnnouncedLimits, software: String
    ) {
        self.version = version
        storeUUIDFirst = storeUUID.0
        storeUUIDSecond = storeUUID.1
        self.connectionID = connectionID
        self.brokerMilliseconds = brokerMilliseconds
        self.limits = limits
        self.software = software
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        version = try reader.integer()
        try reader.reserved(2)
        storeUUIDFirst = try reader.integer()
        storeUUIDSecond = try reader.integer()
        connectionID = try reader.integer()
        brokerMilliseconds = try reader.integer()
        limits = try AnnouncedLimits(from: &reader)
        software = try reader.text8()
        try reader.end()
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(answerTo: .hello, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            version, UInt16(0), storeUUIDFirst, storeUUIDSecond, connectionID, brokerMilliseconds,
            endianness: .little)
        limits.write(into: &buffer)
        buffer.writeShort(cutting: software)
        frame.finish(in: &buffer)
    }
}
