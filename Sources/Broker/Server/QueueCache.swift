internal import Glibc
package import HoldfastEngine

/// The queue a connection named last, so that its name is not looked up again with each request.
package struct QueueCache {
    private var name: [UInt8] = []
    private var id = QueueID(rawValue: 0)
    private var generation: UInt32 = 0

    package init() {}

    /// The queue, where it is the one kept and no queue was deleted since.
    package func id(of name: UnsafeRawBufferPointer, generation: UInt32) -> QueueID? {
        guard generation == self.generation, name.count == self.name.count, !name.isEmpty,
            self.name.withUnsafeBytes({ memcmp($0.baseAddress!, name.baseAddress!, name.count) })
                == 0
        else { return nil }
        return id
    }

    package mutating func keep(_ name: UnsafeRawBufferPointer, _ id: QueueID, generation: UInt32) {
        self.name = Array(name)
        self.id = id
        self.generation = generation
    }
}
