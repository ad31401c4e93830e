internal import HoldfastModel
package import HoldfastRecords

extension JobEngine {
    /// A producer that was used this long ago or less is never forgotten, in milliseconds.
    static var producerKeptMilliseconds: Int64 { 600_000 }

    /// Whether results of that producer are remembered.
    package func knowsProducer(_ id: (UInt64, UInt64)) -> Bool {
        producers.slot(of: ProducerID(low: id.0, high: id.1)) != nil
    }

    /// Where the producer is remembered, from now until `producerDisconnected`; once for each
    /// connection. A new producer takes a free slot, else the one used least lately of those that
    /// are not connected.
    package mutating func registerProducer(
        _ id: (UInt64, UInt64), into batch: RecordBatch
    ) throws(Refusal) -> ProducerSlot {
        let id = ProducerID(low: id.0, high: id.1)
        if let slot = producers.slot(of: id) {
            producers.connect(slot)
            return slot
        }
        var slot = ProducerSlot(rawValue: UInt32(producers.count))
        if producers.count >= configuration.producerCountMax {
            guard let oldest = producers.leastRecentlyUsed else {
                throw Refusal(
                    code: .tooManyProducers,
                    message: "\(producers.count) producers are connected, as many as may be",
                    retryAfterMilliseconds: UInt32(Self.producerKeptMilliseconds))
            }
            let used = producers[Int(oldest.rawValue)].pointee.usedMilliseconds
            let age = batch.frameTime.subtractingReportingOverflow(used)
            guard age.overflow || age.partialValue > Self.producerKeptMilliseconds else {
                throw Refusal(
                    code: .tooManyProducers,
                    message:
                        "as many producers as are remembered were here in the last ten minutes",
                    retryAfterMilliseconds: UInt32(
                        clamping: Self.producerKeptMilliseconds - max(age.partialValue, 0) + 1))
            }
            slot = oldest
        }
        applyAppended(ProducerRecord.append(slot: slot, id: id, to: batch), of: batch)
        producers.connect(slot)
        return slot
    }

    package mutating func producerDisconnected(_ slot: ProducerSlot) {
        producers.disconnect(slot)
    }

    /// What became of the producer's request of that number.
    package func result(of sequence: UInt64, from slot: ProducerSlot) -> ProducerResult {
        producers.result(of: sequence, from: slot)
    }
}
