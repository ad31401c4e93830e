internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// The rounds of a run, one after the other, and the lines that say what came of them.
final class TortureCourse {
    enum End {
        case rounds(Int)
        case seconds(Int)
    }

    private struct Row {
        let fault: any Fault
        /// Why it cannot be done here.
        var reason: String?
        /// The build is: there is nothing to be done with it.
        var isBroken = false
        var roundCount = 0
        var result = RoundResult()

        /// How far it is from what is wanted of it.
        var share: Double { Double(result.count) / Double(fault.countWanted) }
    }

    private var rows: [Row]
    private let seed: UInt64
    private let isSmall: Bool
    private let end: End

    init(_ faults: [any Fault], seed: UInt64, isSmall: Bool, end: End) {
        rows = faults.map { Row(fault: $0) }
        self.seed = seed
        self.isSmall = isSmall
        self.end = end
    }

    /// - Returns: whether there was no violation.
    func run() async -> Bool {
        let started = HistoryRecorder.now()
        for index in rows.indices { await begin(index) }
        while let index = next(started) { await round(index) }
        for row in rows { say(line(of: row)) }
        let seconds = (HistoryRecorder.now() - started) / 1_000_000_000
        let violationCount = rows.map(\.result.violations.count).reduce(0, +)
        let missing = rows.count { $0.reason != nil }
        say("\(seconds) s, \(violationCount) violations, \(missing) not available here")
        return violationCount == 0
    }

    private func begin(_ index: Int) async {
        let fault = rows[index].fault
        do throws(NotAvailable) {
            try await fault.probe()
        } catch {
            rows[index].reason = error.description
            return
        }
        let repeats = repeats(fault, seed: seed)
        let watch = Watchdog(seconds: fault.roundSecondsMax, "the rehearsal of \(repeats) hangs")
        var violations: [String] = []
        do {
            try await fault.rehearse()
        } catch {
            violations.append("with nothing made to fail: \(error)")
        }
        if watch.end() { violations.append("longer than \(fault.roundSecondsMax) s") }
        tell(violations, of: fault, repeats)
        rows[index].isBroken = !violations.isEmpty
        rows[index].result.violations += violations
    }

    /// Whose turn it is.
    private func next(_ started: UInt64) -> Int? {
        let available = rows.indices.filter { rows[$0].reason == nil && !rows[$0].isBroken }
        switch end {
        case .rounds(let count):
            return available.first { rows[$0].roundCount < count }
        case .seconds(let seconds):
            if let first = available.first(where: { rows[$0].roundCount == 0 }) { return first }
            guard HistoryRecorder.now() - started < UInt64(seconds) * 1_000_000_000 else {
                return nil
            }
            return available.min { rows[$0].share < rows[$1].share }
        }
    }

    private func round(_ index: Int) async {
        let fault = rows[index].fault
        let seed = seed + UInt64(rows[index].roundCount)
        let repeats = repeats(fault, seed: seed)
        let started = HistoryRecorder.now()
        var result = RoundResult()
        let watch = Watchdog(seconds: fault.roundSecondsMax, "\(repeats) hangs")
        do {
            result = try await fault.round(seed: seed, isSmall: isSmall)
        } catch {
            result.violations.append("the round was not finished: \(error)")
        }
        if watch.end() { result.violations.append("longer than \(fault.roundSecondsMax) s") }
        tell(result.violations, of: fault, repeats)
        let milliseconds = (HistoryRecorder.now() - started) / 1_000_000
        say(
            "- \(fault.name), seed \(seed): \(result.count) \(fault.unit), \(milliseconds) ms, "
                + "\(result.violations.count) violations")
        rows[index].roundCount += 1
        rows[index].result.add(result)
    }

    private func repeats(_ fault: any Fault, seed: UInt64) -> String {
        "make torture FAULTS=\(fault.name) SEED=\(seed) ROUNDS=1\(isSmall ? " SMALL=1" : "")"
    }

    private func tell(_ violations: [String], of fault: any Fault, _ repeats: String) {
        for violation in violations {
            say("\(fault.name): \(violation)\nrepeat with: \(repeats)")
        }
    }

    private func line(of row: Row) -> String {
        let name = row.fault.name.padding(toLength: 22, withPad: " ", startingAt: 0)
        if let reason = row.reason { return "\(name) not available here: \(reason)" }
        let count = "\(row.result.count) \(row.fault.unit)"
            .padding(toLength: 26, withPad: " ", startingAt: 0)
        let planted = row.result.planted
        let found =
            planted.count > 0 ? ", found \(planted.found) of \(planted.count) planted" : ""
        let slowest = row.result.slowest.map { ", \($0.what) \($0.milliseconds) ms at most" } ?? ""
        return "\(name) \(count) \(row.result.violations.count) violations\(found)\(slowest)"
    }
}

/// Writes a line at once, whoever reads it.
func say(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { bytes in
        var done = 0
        while done < bytes.count {
            let count = write(STDOUT_FILENO, bytes.baseAddress! + done, bytes.count - done)
            if count <= 0 { return }
            done += count
        }
    }
}
