internal import ArgumentParser
internal import HoldfastClient

/// `fingerprint collect`
struct Collect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Collects the results and compares them with what sha256sum says.",
        discussion: """
            With a directory, there must be a result for every file below it. Ends with 1 where \
            something is missing or wrong.
            """)

    @OptionGroup var broker: BrokerOption

    @Argument(help: "The directory that was enqueued.", completion: .directory)
    var directory: String?

    func run() async throws {
        let client = BrokerClient(try broker.configuration("fingerprint collect"))
        let expected = try directory.map { try FileTree.regularFiles(below: FileName($0)) }
        var book = ResultBook()
        var bar = ProgressBar(total: expected?.count ?? 0)
        while true {
            let before = book.completedCount
            let (isFirstDone, isSecondDone) = (
                try await client.isDrained(FingerprintJob.queue),
                try await client.isDrained(FingerprintResult.queue)
            )
            for job in try await client.lease(
                from: FingerprintResult.queue, count: 256, wait: .milliseconds(500))
            {
                book.add(try job.decode(FingerprintResult.self))
                try await client.ack(job.token)
            }
            bar.show(book.completedCount)
            if isFirstDone, isSecondDone, book.completedCount == before { break }
        }
        bar.finish()
        await client.close()
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let files = expected ?? book.results.keys.sorted { $0.percentEncoded < $1.percentEncoded }
        let comparison = book.compare(
            with: files, references: try ReferenceDigests.of(files, keepingIn: scratch.path))
        for line in comparison.lines { print(line) }
        if !comparison.isGood { throw ExitCode.failure }
    }
}

extension BrokerClient {
    /// Whether a queue holds nothing that is still to be done. Dead jobs are not counted.
    func isDrained(_ queue: String) async throws -> Bool {
        let summary = try await self.queue(queue)
        return summary.readyCount + summary.delayedCount + summary.leasedCount == 0
    }
}
