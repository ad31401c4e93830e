internal import Foundation
internal import HoldfastHistory
internal import Testing

@Suite("history files")
struct HistoryFileTests {
    private static func withPath(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("history-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private static func events(in path: String) throws -> [HistoryEvent] {
        let reader = try HistoryReader(path: path)
        var events: [HistoryEvent] = []
        while let event = try reader.next() { events.append(event) }
        return events
    }

    @Test("what a recorder streams to a file is read back", arguments: 1...3)
    func roundTrip(_ seed: UInt64) throws {
        let events =
            SoundBroker(seed: seed, stepCount: 1_000).events
            + SoundHistory(seed: seed, jobCount: 100).events
        try Self.withPath { path in
            let recorder = try HistoryRecorder(path: path)
            recorder.record(contentsOf: events)
            try recorder.flush()
            #expect(try Self.events(in: path) == events)
            #expect(recorder.events.isEmpty)
        }
        try Self.withPath { path in
            try HistoryText.text(of: events).write(
                toFile: path, atomically: false, encoding: .utf8)
            #expect(try Self.events(in: path) == events)
        }
    }

    @Test("a file is judged as memory is, however little memory there is", arguments: 1...5)
    func external(_ seed: UInt64) throws {
        let sound = SoundBroker(seed: seed, stepCount: 3_000).events
        var histories = [sound]
        for property in HistoryProperty.allCases {
            var planting = RandomPlanting(sound, seed: seed)
            if let broken = planting.broken(property) { histories.append(broken) }
        }
        let checker = HistoryChecker(isDrained: true, liveness: LivenessBounds())
        for events in histories {
            let expected = checker.judge(events)
            try Self.withPath { path in
                let recorder = try HistoryRecorder(path: path)
                recorder.record(contentsOf: events)
                try recorder.flush()
                // 256 records in memory at a time: dozens of runs on the disk.
                let verdict = try checker.judge(
                    file: path, memoryByteCount: 1,
                    directory: FileManager.default.temporaryDirectory.path)
                #expect(verdict.eventCount == expected.eventCount)
                #expect(verdict.jobCount == expected.jobCount)
                #expect(verdict.deliveryCount == expected.deliveryCount)
                #expect(
                    Set(verdict.violations.map(\.property))
                        == Set(expected.violations.map(\.property)), "seed \(seed)")
                #expect(Set(verdict.violations.map(\.job)) == Set(expected.violations.map(\.job)))
            }
        }
    }

    @Test("what is no whole history is refused at every length")
    func cutShort() throws {
        let events = Array(SoundBroker(seed: 1, stepCount: 30).events.prefix(8))
        try Self.withPath { path in
            let recorder = try HistoryRecorder(path: path)
            recorder.record(contentsOf: events)
            try recorder.flush()
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            for count in stride(from: 1, to: whole.count, by: 5) where count % 88 != 0 {
                try whole.prefix(count).write(to: URL(fileURLWithPath: path))
                #expect(throws: HistoryFileFault.self) { try Self.events(in: path) }
            }
        }
    }

    @Test("a damaged file is refused or read, and never ends the judge", arguments: 1...3)
    func damaged(_ seed: UInt64) throws {
        let events = SoundBroker(seed: seed, stepCount: 60).events
        try Self.withPath { path in
            let recorder = try HistoryRecorder(path: path)
            recorder.record(contentsOf: events)
            try recorder.flush()
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            var random = SeededRandom(seed: seed)
            for _ in 0..<300 {
                var bytes = whole
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                    in: 0...255, using: &random)
                try bytes.write(to: URL(fileURLWithPath: path))
                _ = try? HistoryChecker(isDrained: true, liveness: LivenessBounds())
                    .judge(file: path)
            }
        }
    }

    @Test("a file that is not there, and one that cannot be written, are told")
    func missing() {
        #expect(throws: HistoryFileFault.self) {
            try HistoryChecker(isDrained: true).judge(file: "/nowhere/history")
        }
        #expect(throws: HistoryFileFault.self) { try HistoryRecorder(path: "/nowhere/history") }
        #expect(throws: HistoryFileFault.self) {
            let recorder = try HistoryRecorder(path: "/dev/full")
            recorder.record(
                HistoryEvent(
                    client: 1, invoked: 1, responded: nil, outcome: .unknown,
                    operation: .cancel(job: 1)))
            try recorder.flush()
        }
    }
}
