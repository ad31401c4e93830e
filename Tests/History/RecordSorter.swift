/// Puts any number of records in order: in memory as long as they are few, else in sorted runs in a
/// file without a name, merged as they are read. O(n log n), and never more than `countMax` records
/// in memory.
struct RecordSorter<Record: BitwiseCopyable & Comparable>: ~Copyable {
    private let countMax: Int
    private let directory: String
    private var records: [Record] = []
    private var file: FileHandle?
    /// Where each run begins, and where the last one ends, in records.
    private var bounds = [0]

    /// - Parameters:
    ///   - byteCountMax: of records in memory.
    ///   - directory: for what does not fit.
    init(byteCountMax: Int, directory: String) {
        countMax = max(256, byteCountMax / MemoryLayout<Record>.stride)
        self.directory = directory
    }

    mutating func append(_ record: Record) throws(HistoryFileFault) {
        records.append(record)
        if records.count >= countMax { try spill() }
    }

    private mutating func spill() throws(HistoryFileFault) {
        if file == nil { file = try FileHandle.temporary(in: directory) }
        records.sort()
        var fault: HistoryFileFault?
        records.withUnsafeBytes { bytes in
            do throws(HistoryFileFault) { try file?.write(bytes) } catch { fault = error }
        }
        if let fault { throw fault }
        bounds.append(bounds[bounds.count - 1] + records.count)
        records.removeAll(keepingCapacity: true)
    }

    /// Hands out all records in their order, and is empty then.
    mutating func drain(
        _ body: (Record) throws(HistoryFileFault) -> Void
    ) throws(HistoryFileFault) {
        if file != nil, !records.isEmpty { try spill() }
        var records = records
        self.records = []
        guard let file = file.take() else {
            records.sort()
            for record in records { try body(record) }
            return
        }
        records = []
        try merge(file, body)
        bounds = [0]
    }

    private borrowing func merge(
        _ file: borrowing FileHandle, _ body: (Record) throws(HistoryFileFault) -> Void
    ) throws(HistoryFileFault) {
        let runCount = bounds.count - 1
        var runs: [Run] = []
        for index in 0..<runCount {
            var run = Run(
                position: bounds[index], end: bounds[index + 1],
                capacity: max(64, countMax / runCount))
            try fill(&run, file)
            runs.append(run)
        }
        // A heap of runs by their first records.
        var heap = Array(runs.indices)
        heap.sort { runs[$0].first < runs[$1].first }
        while let least = heap.first {
            try body(runs[least].first)
            runs[least].next += 1
            if runs[least].next == runs[least].records.count { try fill(&runs[least], file) }
            if runs[least].records.isEmpty {
                guard let last = heap.popLast(), !heap.isEmpty else { return }
                heap[0] = last
            }
            var place = 0
            while true {
                var child = 2 * place + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, runs[heap[child + 1]].first < runs[heap[child]].first {
                    child += 1
                }
                guard runs[heap[child]].first < runs[heap[place]].first else { break }
                heap.swapAt(place, child)
                place = child
            }
        }
    }

    /// A sorted part of the file, of which a little is in memory.
    private struct Run {
        var position: Int
        let end: Int
        let capacity: Int
        var records: [Record] = []
        var next = 0

        var first: Record { records[next] }
    }

    private borrowing func fill(
        _ run: inout Run, _ file: borrowing FileHandle
    ) throws(HistoryFileFault) {
        let count = min(run.capacity, run.end - run.position)
        let stride = MemoryLayout<Record>.stride
        let offset = run.position * stride
        var fault: HistoryFileFault?
        var readCount = 0
        run.next = 0
        run.records.removeAll(keepingCapacity: true)
        guard count > 0 else { return }
        let records = [Record](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            do throws(HistoryFileFault) {
                while readCount < count * stride {
                    let more = try file.read(
                        into: UnsafeMutableRawBufferPointer(
                            rebasing: bytes[readCount..<count * stride]),
                        at: offset + readCount)
                    if more == 0 { break }
                    readCount += more
                }
            } catch {
                fault = error
            }
            initializedCount = readCount / stride
        }
        if let fault { throw fault }
        guard records.count == count else {
            throw .unreadable(path: directory, reason: "a temporary file is cut short")
        }
        run.records = records
        run.position += count
    }
}
