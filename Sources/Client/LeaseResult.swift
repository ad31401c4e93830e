public import HoldfastModel
internal import HoldfastProtocol

/// What became of one token or id among those that a request named.
public struct LeaseResult: Hashable, Sendable {
    /// nil: it was done. Else it had no effect, and this is why.
    public let refusal: RefusalCode?
    /// The lease had expired, but nobody else had the job.
    public let isLate: Bool
    /// The same had been done before.
    public let isDuplicate: Bool
    /// The broker orders to cease working at the job.
    public let mustStop: Bool
    /// What remains of the lease, after an extend or a heartbeat.
    public let remaining: Duration

    init(_ answer: ItemAnswer) {
        refusal = answer.refusal
        isLate = answer.isLate
        isDuplicate = answer.isDuplicate
        mustStop = answer.mustStop
        remaining = .milliseconds(answer.remainingMilliseconds)
    }

    /// - Throws: `BrokerClientError.Code.refused` where the item was refused.
    @discardableResult
    func get(_ item: some CustomStringConvertible) throws(BrokerClientError) -> LeaseResult {
        if let refusal { throw BrokerClientError(refusal, item: "\(item)") }
        return self
    }
}
