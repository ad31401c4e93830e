import Glibc
import Synchronization

/// What is known of a seed that is done, as one line of a ledger.
package protocol SeedReport: Sendable {
    var line: String { get }
    /// - Returns: nil where the line is none.
    init?(line: Substring)
}

/// The seeds that are done and what came of it, a line each in a file: written as each is done, so
/// that a run of hours may be stopped at any time.
package final class SeedLedger<Report: SeedReport>: Sendable {
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    private struct Key: Hashable {
        let seed: UInt64
        let stepCount: Int
    }

    private let path: String
    private let reports: Mutex<[Key: Report]>

    package init(path: String) throws {
        self.path = path
        var found: [Key: Report] = [:]
        if let file = fopen(path, "re") {
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 4096)
            while fgets(&line, Int32(line.count), file) != nil {
                let text = String(
                    decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) },
                    as: UTF8.self)
                let words = text.split(separator: " ", maxSplits: 2)
                // The last line may be torn.
                guard words.count == 3, let seed = UInt64(words[0]), let steps = Int(words[1]),
                    let report = Report(line: words[2])
                else { continue }
                found[Key(seed: seed, stepCount: steps)] = report
            }
        } else if errno != ENOENT {
            throw Fault(description: "\(path): \(String(cString: strerror(errno)))")
        }
        let reports = found
        self.reports = Mutex(reports)
    }

    package func report(of seed: UInt64, stepCount: Int) -> Report? {
        reports.withLock { $0[Key(seed: seed, stepCount: stepCount)] }
    }

    package func add(_ report: Report, of seed: UInt64, stepCount: Int) {
        reports.withLock { reports in
            reports[Key(seed: seed, stepCount: stepCount)] = report
            guard let file = fopen(path, "ae") else { return }
            fputs("\(seed) \(stepCount) \(report.line)\n", file)
            fclose(file)
        }
    }
}
