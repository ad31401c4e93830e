/// What a broker has done since it started, for `status`. Belongs to the core loop.
struct BrokerCounters {
    var commits: UInt64 = 0
    var requests: UInt64 = 0
    var refusals: UInt64 = 0
    /// Enqueues refused with `storage_full`.
    var storageRefusals: UInt64 = 0
    var enqueues: UInt64 = 0
    var leases: UInt64 = 0
    var acks: UInt64 = 0
    var expiries: UInt64 = 0
    var undelivered: UInt64 = 0
    var corruptPayloads: UInt64 = 0
    var snapshotsBegun: UInt64 = 0
    var snapshots: UInt64 = 0
    var snapshotsAbandoned: UInt64 = 0
}
