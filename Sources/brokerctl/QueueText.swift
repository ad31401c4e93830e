internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

// A queue as it is written.
extension QueueSummary {
    var oldestReadyText: String? {
        oldestReadyAge.map { DurationText.rough(milliseconds: $0.wholeMilliseconds) }
    }

    var entries: [(name: String, value: String)] {
        [
            ("queue", name), ("ready", String(readyCount)), ("delayed", String(delayedCount)),
            ("leased", String(leasedCount)), ("dead", String(deadCount)),
            ("enqueued in all", String(enqueuedTotal)),
            ("acknowledged in all", String(acknowledgedTotal)),
            ("oldest ready", oldestReadyText ?? "none"),
        ] + policyEntries
    }

    /// By the names of the options that set them.
    var policyEntries: [(name: String, value: String)] {
        [
            ("visibility-timeout", Self.text(policy.visibilityTimeoutMilliseconds)),
            ("attempts", String(policy.attemptCountMax)),
            ("interruptions", String(policy.interruptionCountMax)),
            ("backoff", Self.text(policy.backoffMilliseconds)),
            ("backoff-max", Self.text(policy.backoffMillisecondsMax)),
        ]
    }

    private static func text(_ milliseconds: some BinaryInteger) -> String {
        DurationText.exact(milliseconds: Int64(clamping: milliseconds))
    }

    var json: JSONValue {
        .object([
            ("queue", .text(name)),
            ("ready", .number(readyCount)),
            ("delayed", .number(delayedCount)),
            ("leased", .number(leasedCount)),
            ("dead", .number(deadCount)),
            ("enqueued_total", .number(enqueuedTotal)),
            ("acknowledged_total", .number(acknowledgedTotal)),
            (
                "oldest_ready_ms",
                .optional(oldestReadyAge) { .number($0.wholeMilliseconds) }
            ),
            ("visibility_timeout_ms", .number(policy.visibilityTimeoutMilliseconds)),
            ("attempts_max", .number(policy.attemptCountMax)),
            ("interruptions_max", .number(policy.interruptionCountMax)),
            ("backoff_ms", .number(policy.backoffMilliseconds)),
            ("backoff_max_ms", .number(policy.backoffMillisecondsMax)),
        ])
    }
}
