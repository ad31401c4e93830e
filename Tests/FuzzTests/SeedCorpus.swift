internal import Foundation
internal import HoldfastFuzzTargets
internal import HoldfastHistory

/// What a fuzzer begins with: golden frames, the records of the document's example, and a few changes
/// of the golden files. Written where `UPDATE_GOLDEN` is set.
enum SeedCorpus {
    static func write(of target: FuzzTarget, to directory: URL) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, bytes) in try seeds(of: target) {
            try Data(bytes).write(to: directory.appending(path: name))
        }
    }

    private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func seeds(of target: FuzzTarget) throws -> [(String, [UInt8])] {
        switch target {
        case .frame: return try frames()
        case .request:
            return try frames().filter { $0.1[4] & 0x80 == 0 }.map {
                ($0.0, [$0.1[4]] + $0.1.dropFirst(12))
            }
        case .reply:
            return try frames().filter { $0.1[4] & 0x80 != 0 }.map {
                ($0.0, [$0.1[4] & 0x7F] + $0.1.dropFirst(12))
            }
        case .record: return try records()
        case .page:
            return changes([
                (0, 14, [2, 0]), (0, 40, [0, 8]), (4_096, 12, [1]), (8_192, 40, [9, 0, 0, 0]),
                (12_288, 32, [1]),
            ])
        case .pageSet: return [("empty", []), ("one", [2, 0, 0, 0, 0, 0, 0, 128])]
        case .root:
            return changes([(0, 8, [1]), (0, 24, [2]), (0, 60, [0, 0, 0, 0]), (0, 100, [7])])
        case .segment:
            return changes([
                (0, 48, [0, 0, 2]), (4_096, 4, [16]), (4_096, 48, [1]), (4_096, 72, [3]),
                (8_192, 16, [9]), (8_192, 48, [255, 255]), (12_288, 8, [1]),
            ])
        case .sidecar:
            return changes([
                (0, 40, [0, 16]), (0, 44, [255]), (0, 48, [255, 255, 255, 255]),
                // An entry behind the next one, and behind the end.
                (0, 52, [7, 7, 7, 7]),
            ])
        case .compacted:
            return changes([(0, 48, [1]), (0, 64, [0, 0, 1]), (0, 72, [0, 17]), (0, 76, [255])])
        case .snapshot:
            return changes([(0, 32, [9]), (0, 56, [255]), (0, 64, [9]), (0, 68, [1]), (0, 72, [8])])
        case .identity: return changes([(0, 8, [2]), (0, 32, [0, 64]), (0, 36, [1])])
        case .knownDamage:
            let title = "holdfast known damage 1\n"
            let lines = ["missing 7 9\n", "place 1a2b3c4d log/1.seg: a frame\n", "missing 9 7\n"]
            return (0...lines.count).map {
                ("lines-\($0)", Array((title + lines.prefix($0).joined()).utf8))
            }
        case .history: return try histories()
        case .store, .tools:
            var seeds: [(String, [UInt8])] = []
            for file in 0..<UInt8(12) {
                for (name, change) in changes([(0, 56, [1]), (4_096, 14, [9]), (8_192, 50, [9])]) {
                    seeds.append(
                        (
                            "\(file)-\(name)",
                            [file, UInt8(change.count & 255), UInt8(change.count >> 8)] + change
                        ))
                }
            }
            return seeds
        case .serving:
            return try seeds(of: .store).enumerated().map {
                ($0.element.0, [UInt8(truncatingIfNeeded: $0.offset)] + $0.element.1)
            }
        }
    }

    /// Each change by itself, and the file as it is.
    private static func changes(_ list: [(Int, Int, [UInt8])]) -> [(String, [UInt8])] {
        var seeds: [(String, [UInt8])] = [("unchanged", [0]), ("unrepaired", [1, 50, 0, 0, 1, 9])]
        for (base, offset, bytes) in list {
            let place = base + offset
            seeds.append(
                (
                    "at-\(place)",
                    [0, UInt8(place & 255), UInt8(place >> 8 & 255), UInt8(place >> 16)]
                        + [UInt8(bytes.count)] + bytes
                ))
        }
        return seeds
    }

    /// A history as text, line by line, and the same as a recorder writes it.
    private static func histories() throws -> [(String, [UInt8])] {
        let lines = [
            "3 5001200 5002900 ok enqueue job=42 queue=a content=9f0c delay=0 attempts=3 key=17",
            "4 5003000 5003900 ok deliver job=42 version=1 queue=a content=9f0c attempt=1 duration=9",
            "4 5004000 - unknown ack job=42 version=1",
            "4 5005000 5006000 err nack job=42 version=1 delay=5 refusal=lease_lost",
            "4 5009000 5059900 ok ask queue=a wait=50 request=3 position=0 priority=4",
            "0 6000000 7200000 ok fault kind=kill",
            "5 7300000 7300001 ok look job=42 state=done",
        ]
        let text = (1...lines.count).map {
            ("lines-\($0)", [1] + Array((lines.prefix($0).joined(separator: "\n") + "\n").utf8))
        }
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let recorder = try HistoryRecorder(path: path)
        recorder.record(contentsOf: try HistoryText.events(in: lines.joined(separator: "\n")))
        try recorder.flush()
        return text + [("recorded", [0] + [UInt8](try Data(contentsOf: URL(filePath: path))))]
    }

    private static func frames() throws -> [(String, [UInt8])] {
        let directory = tests.appending(path: "ProtocolTests/Fixtures/v1")
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().map {
            name in
            let text = try String(contentsOf: directory.appending(path: name), encoding: .utf8)
            return (String(name.dropLast(4)), bytes(hex: text))
        }
    }

    private static func bytes(hex text: some StringProtocol) -> [UInt8] {
        text.split(separator: "\n").flatMap { line in
            line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).compactMap {
                UInt8($0, radix: 16)
            }
        }
    }

    /// The example of docs/records.md as a whole, and every beginning of it.
    private static func records() throws -> [(String, [UInt8])] {
        let document = try String(
            contentsOf: tests.deletingLastPathComponent().appending(path: "docs/records.md"),
            encoding: .utf8)
        let example = document.components(separatedBy: "## An example").last ?? ""
        var row: [UInt8] = []
        var seeds: [(String, [UInt8])] = []
        let lines = example.components(separatedBy: "```")[1].split(separator: "\n")
        for (number, line) in zip(1..., lines) {
            let digits = Array(line.split(separator: " ").dropFirst().joined().utf8)
            let body = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
            }
            row += [10, UInt8(body.count & 255), UInt8(body.count >> 8)] + body
            seeds.append(("first-\(number)", row))
            // Three that are gone, and the same one again.
            let gap: [UInt8] = [0, 3, 0x80]
            seeds.append(("gap-behind-\(number)", row + gap + row))
        }
        return seeds
    }
}
