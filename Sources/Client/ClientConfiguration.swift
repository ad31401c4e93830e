/// How a client reaches its broker and how patient it is.
public struct ClientConfiguration: Sendable {
    public var address: BrokerAddress
    /// Shown to people who look at the broker's connections; a name of at most 255 bytes.
    public var clientName: String
    /// How long one attempt to connect and to be greeted may take.
    public var connectTimeout: Duration = .seconds(5)
    /// How long a request may take from the call to its answer, reconnecting included. A long
    /// wait for jobs comes on top.
    public var requestTimeout: Duration = .seconds(30)
    /// Whether requests fail at once where the broker cannot be reached, rather than wait for it:
    /// right for a command, wrong for a service.
    public var failsFast = false
    /// Whether an enqueue whose answer was lost is repeated. The broker remembers a bounded number
    /// of clients for this: a command that enqueues once and ends does without.
    public var repeatsEnqueues = true
    /// The pause before the first attempt to connect again; it doubles for every further one,
    /// and each is drawn between half and all of it.
    public var reconnectDelay: Duration = .milliseconds(50)
    /// Where the doubling stops.
    public var reconnectDelayMax: Duration = .seconds(5)
    /// Silence after which the client asks whether the broker is still there. After twice as long
    /// the connection is given up.
    public var keepAliveInterval: Duration = .seconds(15)
    /// Payloads of at least so many bytes are compressed (LZ4) where that makes them smaller; nil:
    /// none.
    public var compressionThreshold: Int? = 1_024
    /// The longest payload, decompressed, that the client takes memory for, in bytes.
    public var payloadByteCountMax = 64 << 20

    public init(address: BrokerAddress = BrokerAddress(), clientName: String = "") {
        self.address = address
        self.clientName = clientName
    }
}
