internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

/// Enqueues a file of jobs, line by line, with many requests under way and a bounded memory,
/// whatever the length of the file.
struct JobFileEnqueue {
    let path: String
    let queue: String
    /// What holds where a line says nothing.
    let defaults: JobDraft
    let format: OutputOptions.Format

    private static let pieceByteCount = 64 << 10
    private static let lineByteCountMax = 16 << 20

    func run(_ broker: BrokerOptions) async throws {
        let input = try InputFile(path: path)
        let address = try broker.address()
        let progress = ProgressBar(total: input.byteCount)
        defer { progress.clear() }
        try await broker.withClient(isPatient: true) { client in
            var pipeline = EnqueuePipeline(client: client, address: address, queue: queue) { ids in
                progress.clear()
                try Enqueue.write(ids, to: queue, format)
            }
            try await read(input, into: &pipeline, progress)
        }
    }

    private func read(
        _ input: InputFile, into pipeline: inout EnqueuePipeline, _ progress: ProgressBar
    ) async throws {
        var lines = LineSplitter(byteCountMax: Self.lineByteCountMax)
        var readByteCount = 0
        while true {
            // Somebody who writes slowly sees each job through, and its id, before the next one.
            if input.isWaiting { try await pipeline.drain() }
            let piece = try input.read(byteCountMax: Self.pieceByteCount)
            if piece.isEmpty { break }
            let overlong = try await lines.feed(piece[...]) { number, line in
                try await take(line, number, input, &pipeline)
            }
            if let overlong {
                try await refuse(
                    "longer than \(Self.lineByteCountMax) bytes", overlong.lineNumber, input,
                    &pipeline)
            }
            readByteCount += piece.count
            progress.show(done: readByteCount, note: counted(pipeline.enqueuedCount, "job"))
        }
        let number = lines.lineNumber
        if let line = lines.finish() { try await take(line, number, input, &pipeline) }
        try await pipeline.drain()
    }

    private func take(
        _ line: ArraySlice<UInt8>, _ number: Int, _ input: InputFile,
        _ pipeline: inout EnqueuePipeline
    ) async throws {
        let draft: JobDraft
        do throws(JobLine.Fault) {
            guard let read = try JobLine.read(line, defaults: defaults) else { return }
            draft = read
        } catch {
            return try await refuse(error.description, number, input, &pipeline)
        }
        if let fault = draft.fault {
            return try await refuse(fault, number, input, &pipeline)
        }
        try await pipeline.add(NewJob(draft), line: number)
    }

    /// Everything before the line is seen through; nothing of it and behind it is enqueued.
    private func refuse(
        _ fault: String, _ number: Int, _ input: InputFile, _ pipeline: inout EnqueuePipeline
    ) async throws {
        try await pipeline.drain()
        throw Failure(
            .usage,
            "\(input.name), line \(number): \(fault); enqueued from the lines before it: "
                + "\(counted(pipeline.enqueuedCount, "job")); from here on: nothing")
    }
}
