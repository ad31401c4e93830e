/// Writes a history to a file as it happens: `docs/history-format.md`. Holds no more than one buffer
/// and every name once. Belongs to one thread at a time.
struct HistoryWriter: ~Copyable {
    static let magic = Array("HOLDHIST".utf8)
    static let version: UInt32 = 1

    private static let bufferByteCount = 1 << 20

    private let file: FileHandle
    private var names = HistoryNames()
    private var buffer: [UInt8] = []

    init(path: String) throws(HistoryFileFault) {
        file = try FileHandle.writing(path)
        buffer.reserveCapacity(Self.bufferByteCount)
        buffer += Self.magic
        append(Self.version.littleEndian)
        append(UInt32(EventRecord.byteCount).littleEndian)
        pad()
    }

    mutating func append(_ event: HistoryEvent) throws(HistoryFileFault) {
        var new: [String] = []
        var names = names
        let record = EventRecord(event) { name in
            let (number, isNew) = names.number(of: name)
            if isNew { new.append(name) }
            return number
        }
        if !new.isEmpty { self.names = names }
        for name in new {
            append(EventRecord.name(byteCount: name.utf8.count))
            buffer += name.utf8
            pad()
        }
        append(record)
        if buffer.count >= Self.bufferByteCount { try flush() }
    }

    mutating func flush() throws(HistoryFileFault) {
        let full = buffer
        buffer.removeAll(keepingCapacity: true)
        var fault: HistoryFileFault?
        full.withUnsafeBytes { bytes in
            do throws(HistoryFileFault) { try file.write(bytes) } catch { fault = error }
        }
        if let fault { throw fault }
    }

    private mutating func append(_ value: some BitwiseCopyable) {
        withUnsafeBytes(of: value) { buffer += $0 }
    }

    /// Up to where the next record may stand.
    private mutating func pad() {
        while buffer.count % EventRecord.byteCount != 0 { buffer.append(0) }
    }
}
