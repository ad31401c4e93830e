internal import ArgumentParser

/// What one measurement is made of, as it is asked for.
struct CycleOptions: ParsableArguments {
    @Option(help: "Connections that enqueue.")
    var producers = 64

    @Option(help: "Connections that lease and acknowledge.")
    var consumers = 64

    @Option(help: "Enqueue requests in flight on each producer's connection.")
    var depth = 1

    @Option(help: "Jobs in each enqueue request.")
    var batch = 1

    @Option(help: "Bytes of each job's payload, 16 at least.")
    var size = 1_024

    @Option(help: "Seconds that are measured, after a second to warm up.")
    var seconds = 10.0

    @Option(
        help: """
            Jobs that may be enqueued and not acknowledged before producers pause: 2,000 at depth 1 \
            and batch 1, else 16 times what can be in flight.
            """)
    var unfinished: Int?

    @Option(
        help: "Jobs a consumer leases at once: what one producer can have in flight, 256 at most.")
    var leases: Int?

    func validate() throws {
        guard producers >= 1, consumers >= 1, depth >= 1, depth <= 1_000 else {
            throw ValidationError("there is at least one of each, and the depth is at most 1,000")
        }
        guard batch >= 1, batch <= 1_024, size >= JobStamp.byteCount, size <= 256 * 1_024 else {
            throw ValidationError("a batch is 1 to 1,024 jobs of 16 to 262,144 bytes")
        }
        guard seconds > 0, (unfinished ?? 1) >= 1, (1...1_024).contains(leases ?? 1) else {
            throw ValidationError("seconds and bounds are greater than zero, leases at most 1,024")
        }
    }

    var shape: CycleShape {
        let inFlightCount = producers * depth * batch
        return CycleShape(
            producers: producers, consumers: consumers, depth: depth, batch: batch, size: size,
            seconds: seconds,
            unfinishedCountMax: unfinished
                ?? (inFlightCount == producers ? max(2_000, producers) : 16 * inFlightCount),
            leaseCount: leases ?? min(depth * batch, 256))
    }
}
