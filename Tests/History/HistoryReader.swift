/// Reads the events of a file one after the other, as text (`HistoryText`) or as a recorder writes
/// them. Holds no more than a buffer, a line and every name once. Belongs to one thread at a time.
package final class HistoryReader {
    private static let bufferByteCount = 1 << 20

    private let file: FileHandle
    private var isText = false
    private var buffer: [UInt8] = []
    private var position = 0
    private var lineNumber = 0
    /// Those that the events read so far refer to.
    private(set) var names = HistoryNames()

    package init(path: String) throws(HistoryFileFault) {
        file = try FileHandle.reading(path)
        try fill(EventRecord.byteCount)
        guard buffer.starts(with: HistoryWriter.magic) else {
            isText = true
            return
        }
        guard buffer.count >= EventRecord.byteCount else { throw fault("its head is cut short") }
        let (version, byteCount) = buffer.withUnsafeBytes {
            (
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self)),
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
            )
        }
        guard version == HistoryWriter.version, byteCount == UInt32(EventRecord.byteCount) else {
            throw fault("version \(version) is not known here")
        }
        position = EventRecord.byteCount
    }

    /// - Returns: nil at the end.
    package func next() throws(HistoryFileFault) -> HistoryEvent? {
        if isText { return try nextLine() }
        guard let record = try nextRecord() else { return nil }
        guard let event = record.event(names) else { throw fault("a record is no event") }
        return event
    }

    /// As `next`, with names by number.
    func nextRecord() throws(HistoryFileFault) -> EventRecord? {
        if isText {
            guard let event = try nextLine() else { return nil }
            var names = names
            let record = EventRecord(event) { names.number(of: $0).number }
            if names.count > self.names.count { self.names = names }
            guard record.isSound(nameCount: names.count) else {
                throw fault("line \(lineNumber) has a number that is too great")
            }
            return record
        }
        while let record = try nextWhole() {
            guard record.kind == EventRecord.Kind.name.rawValue else {
                guard record.isSound(nameCount: names.count) else {
                    throw fault("a record is no event")
                }
                return record
            }
            let byteCount = Int(record.number)
            let paddedCount =
                (byteCount + EventRecord.byteCount - 1) / EventRecord.byteCount
                * EventRecord.byteCount
            guard byteCount <= 1 << 16, try fill(paddedCount) else {
                throw fault("a name is cut short")
            }
            guard
                let name = String(
                    validating: buffer[position..<position + byteCount], as: UTF8.self)
            else { throw fault("a name is no UTF-8") }
            names.append(name)
            position += paddedCount
        }
        return nil
    }

    private func nextWhole() throws(HistoryFileFault) -> EventRecord? {
        guard try fill(EventRecord.byteCount) else {
            guard position == buffer.count else { throw fault("its last record is cut short") }
            return nil
        }
        let record = buffer.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: position, as: EventRecord.self)
        }
        position += EventRecord.byteCount
        return record
    }

    private func nextLine() throws(HistoryFileFault) -> HistoryEvent? {
        while true {
            var end = position
            while true {
                if let newline = buffer[end...].firstIndex(of: UInt8(ascii: "\n")) {
                    end = newline
                    break
                }
                let count = buffer.count - position
                guard count <= 1 << 16 else { throw fault("line \(lineNumber + 1) has no end") }
                let isMore = try fill(count + 1)
                end = position + count
                if !isMore {
                    guard count > 0 else { return nil }
                    break
                }
            }
            lineNumber += 1
            let bytes = buffer[position..<end]
            position = min(end + 1, buffer.count)
            guard let line = String(validating: bytes, as: UTF8.self) else {
                throw fault("line \(lineNumber) is no text")
            }
            if line.isEmpty { continue }
            guard let event = HistoryText.event(in: line[...]) else {
                throw fault("line \(lineNumber) is no event: \(line)")
            }
            return event
        }
    }

    /// Has at least so many bytes after `position` in the buffer.
    ///
    /// - Returns: false where the file ends before.
    @discardableResult
    private func fill(_ count: Int) throws(HistoryFileFault) -> Bool {
        if buffer.count - position >= count { return true }
        buffer.removeFirst(position)
        position = 0
        while buffer.count < count {
            let had = buffer.count
            var more = [UInt8](repeating: 0, count: max(Self.bufferByteCount, count) - had)
            var readCount = 0
            var failure: HistoryFileFault?
            more.withUnsafeMutableBytes { bytes in
                do throws(HistoryFileFault) {
                    readCount = try file.read(into: bytes)
                } catch { failure = error }
            }
            if let failure { throw failure }
            if readCount == 0 { return false }
            buffer += more[..<readCount]
        }
        return true
    }

    private func fault(_ reason: String) -> HistoryFileFault {
        .unreadable(path: file.path, reason: reason)
    }
}
