internal import HoldfastCompression
internal import HoldfastConsole
internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastRecords
internal import HoldfastWAL

/// A record, or the START of a segment, as people and programs are shown it.
struct RecordView {
    /// nil for START, which takes none.
    let lsn: LSN?
    let segmentNumber: UInt64
    let offset: Int
    let frameTime: Int64
    let typeName: String
    private(set) var jobs: [JobID] = []
    /// nil for START, and where it cannot be read.
    private(set) var record: EngineRecord?
    private var fields: [(name: String, value: String)] = []
    /// One for each job that the record concerns, where it says more of it than its id.
    private var jobFields: [String] = []
    private var content: (kind: String, payload: [UInt8]?)?
    /// Why the record cannot be read.
    private var fault: String?

    private static let startName = "START"

    static var typeNames: [String] { RecordType.allCases.map(\.name) + [startName] }

    static func isTypeName(_ text: String) -> Bool { typeNames.contains(text.uppercased()) }

    init(_ start: StartMark, _ frame: FrameSummary) {
        lsn = nil
        segmentNumber = frame.segmentNumber
        offset = frame.offset
        frameTime = frame.frameTime
        typeName = Self.startName
        fields = [
            ("epoch", String(frame.epoch)), ("software", start.softwareVersion),
            ("boot", start.bootID.description),
            ("previous_segment", String(start.previousNumber)),
        ]
    }

    init(
        lsn: LSN, segment: UInt64, offset: Int, frameTime: Int64, body: UnsafeRawBufferPointer,
        key: StoreKey
    ) {
        self.lsn = lsn
        segmentNumber = segment
        self.offset = offset
        self.frameTime = frameTime
        let record: EngineRecord
        do throws(RecordFault) {
            record = try EngineRecord(lsn: lsn, body: body)
        } catch {
            typeName = "UNREADABLE"
            fault = error.reason
            return
        }
        self.record = record
        typeName = record.typeName
        jobs = record.jobs.map(key.jobID)
        for field in record.fields {
            if field.name == "job" {
                jobFields.append(field.value)
            } else {
                fields.append(field)
            }
        }
        if let contentOffset = record.contentOffset {
            content = Self.content(UnsafeRawBufferPointer(rebasing: body[contentOffset...]))
        }
    }

    /// Kind and payload of a birth; a payload that does not decompress is nil.
    private static func content(
        _ bytes: UnsafeRawBufferPointer
    ) -> (kind: String, payload: [UInt8]?)? {
        guard let content = JobContent(trusted: bytes) else { return nil }
        let kind = String(decoding: content.kind, as: UTF8.self)
        switch content.codec {
        case .none: return (kind, Array(content.payload))
        case .lz4:
            guard content.rawByteCount <= 64 << 20 else { return (kind, nil) }
            return (
                kind, LZ4Block.decompress(content.payload, rawByteCount: content.rawByteCount)
            )
        }
    }

    /// - Parameter previewCount: characters of the payload that are shown.
    func row(previewCount: Int) -> [String] {
        [
            lsn.map { String($0) } ?? "", String(segmentNumber), String(offset),
            TimeText.utc(millisecondsSince1970: frameTime), typeName, what(previewCount),
        ]
    }

    private func what(_ previewCount: Int) -> String {
        var words: [String] = []
        if let fault { words.append("unreadable: \(fault)") }
        if jobFields.isEmpty { words += jobs.map { "job \($0)" } }
        for (job, field) in zip(jobs, jobFields) {
            // The field begins with the LSN, for which the id stands here.
            words.append("job \(job) " + field.drop { $0 != " " }.dropFirst())
        }
        words += fields.map { "\($0.name)=\($0.value)" }
        if let content {
            if !content.kind.isEmpty { words.append("kind=\(content.kind)") }
            let preview = content.payload.map {
                Escape.line($0, characterCountMax: previewCount)
            }
            if previewCount > 0 { words.append("payload=\(preview ?? "unreadable")") }
        }
        return words.joined(separator: ", ")
    }

    var json: JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("lsn", .optional(lsn) { .unsigned($0) }),
            ("segment", .unsigned(segmentNumber)),
            ("offset", .number(offset)),
            ("time_ms", .number(frameTime)),
            ("type", .text(typeName)),
            ("jobs", .array(jobs.map { .text($0.description) })),
            ("fields", .object(fields.map { ($0.name, Self.value($0.value)) })),
        ]
        if !jobFields.isEmpty {
            members.append(("job_fields", .array(jobFields.map { .text($0) })))
        }
        if let content {
            members.append(("kind", .text(content.kind)))
            members.append(
                content.payload.map { JSONValue.member("payload", bytes: $0) } ?? ("payload", .null)
            )
        }
        if let fault { members.append(("unreadable", .text(fault))) }
        return .object(members)
    }

    /// What is a number is written as one.
    private static func value(_ text: String) -> JSONValue {
        Int64(text).map { .number($0) } ?? .text(text)
    }
}
