internal import ArgumentParser
internal import HoldfastClient

/// `fingerprint enqueue DIR`
struct Enqueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Enqueues one job for every regular file below a directory.")

    @OptionGroup var broker: BrokerOption

    @Argument(help: "The directory.", completion: .directory)
    var directory: String

    func run() async throws {
        let files = try FileTree.regularFiles(below: FileName(directory))
        let client = BrokerClient(try broker.configuration("fingerprint enqueue"))
        var bar = ProgressBar(total: files.count)
        var sent = 0
        while sent < files.count {
            let part = files[sent..<min(sent + 256, files.count)]
            _ = try await client.enqueue(
                try part.map { try NewJob(FingerprintJob(file: $0)) }, to: FingerprintJob.queue)
            sent += part.count
            bar.show(sent)
        }
        bar.finish()
        await client.close()
        print("enqueued: \(files.count)")
    }
}
