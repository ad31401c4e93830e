package import HoldfastPages

extension JobEngine {
    /// Every page that the state refers to, reserved ones included. Slow: it reads all pages that
    /// refer to others.
    package func forEachPage(_ body: (PageReference, PageKind) -> Void) {
        map.forEachPage(body)
        live.forEachPage(map, pages) { body($0, .bitmap) }
        var references = leases.references + recentAcks.references
        for slot in 0..<producers.count { references += producers[slot].pointee.results.references }
        for reference in references where !reference.isNone { body(reference, .array) }
        for number in 0..<queues.count where queues[number].pointee.isLive {
            for priority in 0..<QueueState.laneCount {
                let lane = queues[number].pointee.lanes + priority
                Self.forEachPage(of: lane.pointee.retry, pages, body)
                Self.forEachPage(of: lane.pointee.fresh, pages, body)
            }
        }
    }

    /// Reads every page of the state; what cannot be used is `pages.failure` afterwards. Those of the arrays
    /// are always in memory. Trims the space as it goes.
    package func readEveryPage() {
        _ = map.check()
        _ = live.check(map, pages)
        for number in 0..<queues.count where queues[number].pointee.isLive {
            for priority in 0..<QueueState.laneCount {
                queues[number].pointee.lanes[priority].forEach(pages) { _ in }
            }
            pages.trim()
        }
    }

    private static func forEachPage(
        of chain: borrowing PageChain<LaneEntry>, _ pages: PageSpace,
        _ body: (PageReference, PageKind) -> Void
    ) {
        chain.forEachPage(pages) { body($0, .chain) }
        if !chain.reservation.isNone { body(chain.reservation, .chain) }
    }
}
