internal import Glibc
internal import HoldfastHistory

/// What somebody calls a history: read, judged, and written as text, which is read the same.
enum HistoryTarget {
    /// - Parameter bytes: a file, behind a byte whose first bit says whether all queues were emptied.
    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let flags = bytes.first else { return }
        let file = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        // Without a name, and gone with this run.
        guard let stream = tmpfile() else { return }
        defer { fclose(stream) }
        let descriptor = fileno(stream)
        guard pwrite(descriptor, file.baseAddress, file.count, 0) == file.count else { return }
        let path = "/proc/self/fd/\(descriptor)"
        let checker = HistoryChecker(isDrained: flags & 1 == 1, liveness: LivenessBounds())
        _ = try? checker.judge(file: path, memoryByteCount: 1 << 20)
        guard let reader = try? HistoryReader(path: path) else { return }
        var events: [HistoryEvent] = []
        while let event = try? reader.next() { events.append(event) }
        let text = HistoryText.text(of: events)
        guard let again = try? HistoryText.events(in: text) else {
            fatalError("what is written as text can be read: \(text)")
        }
        precondition(HistoryText.text(of: again) == text, "and says the same")
    }
}
