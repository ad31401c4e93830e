/// What one measurement is made of. Plain values: they are read with every job, which a parsed
/// option is not made for.
struct CycleShape {
    /// Connections that enqueue.
    let producers: Int
    /// Connections that lease and acknowledge.
    let consumers: Int
    /// Enqueue requests in flight on each producer's connection.
    let depth: Int
    /// Jobs in each enqueue request.
    let batch: Int
    /// Bytes of each job's payload.
    let size: Int
    let seconds: Double
    /// Jobs that may be enqueued and not acknowledged before producers pause.
    let unfinishedCountMax: Int
    /// Jobs a consumer leases at once.
    let leaseCount: Int

    /// Not measured: the log's first segments, caches and the allocator settle.
    var warmUpSeconds: Double { min(1, seconds) }
}
