internal import Logging
internal import Synchronization

/// What a broker under test has logged, a line for each message.
final class RecordedLog: Sendable {
    private let all = Mutex<[(level: Logger.Level, text: String)]>([])

    func add(_ level: Logger.Level, _ text: String) {
        all.withLock { $0.append((level, text)) }
    }

    var errors: [String] {
        all.withLock { $0.filter { $0.level >= .error }.map(\.text) }
    }
}

struct RecordingLogHandler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(log: RecordedLog) {
        self.log = log
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.add(event.level, "\(event.message)")
    }
}
