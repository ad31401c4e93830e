extension SimulatedDisk {
    /// A file. Most of a disk stays as it is from one moment to the next, so copies share what they
    /// are until one of them is changed.
    struct Inode: Sendable {
        private struct Fields {
            var path: String
            var current: FileContent
            var durable: FileContent
            var dirty = BlockSet()
            var allocated = BlockSet()
        }

        /// Changed only where nobody else refers to it.
        private final class Storage: @unchecked Sendable {
            var fields: Fields

            init(_ fields: Fields) { self.fields = fields }
        }

        private var storage: Storage

        init(path: String, content: FileContent) {
            storage = Storage(Fields(path: path, current: content, durable: content))
        }

        private mutating func makeOwn() {
            if !isKnownUniquelyReferenced(&storage) { storage = Storage(storage.fields) }
        }

        /// The path by which it was last known, for people.
        var path: String {
            get { storage.fields.path }
            set {
                makeOwn()
                storage.fields.path = newValue
            }
        }

        var current: FileContent {
            get { storage.fields.current }
            _modify {
                makeOwn()
                yield &storage.fields.current
            }
        }

        var durable: FileContent {
            get { storage.fields.durable }
            _modify {
                makeOwn()
                yield &storage.fields.durable
            }
        }

        /// Blocks that the next sync will write. One that differs and is not in here is lost, and
        /// nobody but the next power loss will say so.
        var dirty: BlockSet {
            get { storage.fields.dirty }
            _modify {
                makeOwn()
                yield &storage.fields.dirty
            }
        }

        /// Blocks for which the volume has given space.
        var allocated: BlockSet {
            get { storage.fields.allocated }
            _modify {
                makeOwn()
                yield &storage.fields.allocated
            }
        }

        /// Whether all of it is on the disk.
        var isSettled: Bool {
            storage.fields.dirty.isEmpty
                && storage.fields.current.hash == storage.fields.durable.hash
        }
    }
}
