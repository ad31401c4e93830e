internal import HoldfastEngine
internal import HoldfastRecords
internal import HoldfastWAL

// What only a job's birth record knows. The engine keeps nothing of a job that waits for its first
// lease but its place in a lane; who asks for such a job by its id has its record read first, before
// anything is changed.
extension CommitLoop {
    /// Calls `then` with the facts of those of the jobs that the engine needs them of: at once where
    /// their records are in memory, else when they have been read. Those that cannot be read are not
    /// among them.
    func withBirths(
        of lsns: [LSN], then: @escaping @Sendable ([LSN: BirthFacts]) -> Void
    ) {
        var births: [LSN: BirthFacts] = [:]
        var missing: [LSN] = []
        for lsn in lsns where engine.needsBirth(lsn) {
            if let body = bodyInMemory(of: lsn) {
                births[lsn] = BirthFacts(lsn: lsn, body: body)
            } else {
                missing.append(lsn)
            }
        }
        guard !missing.isEmpty else { return then(births) }
        reads.read(on: eventLoop) { [births, missing] log in
            var births = births
            for (lsn, body) in RecordBodies(of: missing, in: log).whole {
                births[lsn] = body.withUnsafeBytes { BirthFacts(lsn: lsn, body: $0) }
            }
            return births
        } then: { births in
            self.beginPass()
            then(births)
        }
    }
}
