/// The home of a job. It has exactly one at any time.
///
/// ```
///  enqueue ──delay=0──► ready ──lease──► leased ──ack──► done
///     └─────delay>0──► delayed ──due──►▲   │  ├─ nack ─────► delayed (backoff) or dead
///                                      │   │  ├─ release ──► ready (front; no attempt spent)
///                                      │   │  ├─ reject ───► dead
///                                      │   │  └─ expiry ───► ready (front) or dead
///                                      └── redrive ── dead
/// ```
public enum JobState: UInt8, Hashable, Sendable, CaseIterable {
    case ready = 1
    case delayed = 2
    case leased = 3
    case dead = 4
    case done = 5

    /// The state's name as it is written in tables and JSON.
    public var name: String { "\(self)" }
}
