internal import HoldfastDisk
internal import HoldfastWAL

extension RecordDump {
    /// Between two looks at the log. A look costs the broker nothing but a little of the disk's
    /// cache; people see what comes at once.
    private static let pause = Duration.milliseconds(100)

    /// Shows the log and goes on with it as long as a broker is using the directory.
    ///
    /// What is shown last may still be on its way to the disk: a crash at that moment takes it back.
    mutating func follow(_ fileSystem: any FileSystem, _ store: OfflineOptions) async throws {
        var log = LogFollowing(fileSystem)
        var wasRunning = true
        while true {
            // Asked before the look: what the broker wrote at its end is seen by the last one.
            let isRunning = try store.holder(of: fileSystem) != nil
            let hasCome = try store.reading { () throws(LogError) in
                try log.next { take($0) }
            }
            try flush()
            if !isRunning, !wasRunning { return }
            if !Output.hasReader { return }
            wasRunning = isRunning
            if !hasCome, isRunning { try await Task.sleep(for: Self.pause) }
        }
    }
}
