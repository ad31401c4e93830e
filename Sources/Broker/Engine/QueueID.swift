/// The number under which the engine keeps a queue. It stays the same until the queue is deleted and
/// may then name another queue: whoever keeps one looks at `JobEngine.queueGeneration`.
package struct QueueID: Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}
