package import NIOCore

/// A connection's replies on their way out: those computed in this pass, which wait for what
/// gathers, and those sealed with a batch that is being written. They leave in the order in which
/// they were computed, each in one piece with its neighbours: one write and one flush a commit.
package struct HeldReplies {
    /// Where replies are encoded. Only the core loop, and only between `hold` and `seal`.
    package var gathering: ByteBuffer
    /// How many replies `gathering` has.
    package var gatheringCount = 0
    /// Whether the commit loop has this connection on its list for the batch that gathers.
    package var isListed = false
    /// Deliveries the gathering replies announce, so that they can be taken back if the connection
    /// is gone before they leave.
    package var deliveriesGathering: [HeldDelivery] = []

    private static let keptCapacity = 64 * 1_024

    private var sealed: ByteBuffer
    private var sealedCount = 0
    private var deliveriesSealed: [HeldDelivery] = []

    package struct HeldDelivery {
        package let lsn: UInt64
        package let version: UInt32

        package init(lsn: UInt64, version: UInt32) {
            self.lsn = lsn
            self.version = version
        }
    }

    package init(allocator: ByteBufferAllocator) {
        gathering = allocator.buffer(capacity: 2_048)
        sealed = allocator.buffer(capacity: 2_048)
    }

    /// Bytes held in all.
    package var byteCount: Int { gathering.readableBytes + sealed.readableBytes }

    /// Ties what gathered to the batch that is handed over now.
    package mutating func seal() {
        isListed = false
        // Sealed replies would leave with a batch they do not belong to: the unforgivable bug.
        precondition(sealedCount == 0, "replies were sealed while others wait for their commit")
        swap(&gathering, &sealed)
        swap(&deliveriesGathering, &deliveriesSealed)
        sealedCount = gatheringCount
        gathering.clear()
        deliveriesGathering.removeAll(keepingCapacity: true)
        gatheringCount = 0
    }

    /// Hands the sealed replies over: `send` gets their bytes and how many they are.
    ///
    /// - Parameter isOpen: whether there is somebody to send to; if not, `takeBack` gets each
    ///   delivery that nobody was told of.
    package mutating func release(
        isOpen: Bool, send: (ByteBuffer, Int) -> Void, takeBack: (HeldDelivery) -> Void
    ) {
        if isOpen {
            if sealed.readableBytes > 0 { send(sealed, sealedCount) }
        } else {
            for delivery in deliveriesSealed { takeBack(delivery) }
        }
        // A buffer that grew for one large reply is not kept for the small ones to come.
        if sealed.capacity > Self.keptCapacity { sealed = ByteBuffer() } else { sealed.clear() }
        sealedCount = 0
        deliveriesSealed.removeAll(keepingCapacity: true)
    }
}
