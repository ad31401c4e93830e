/// All results that came in, by file. A file may be fingerprinted twice, where a worker was lost
/// between handing its result on and acknowledging its job; then both must say the same.
struct ResultBook {
    private(set) var results: [FileName: FingerprintResult] = [:]
    /// Files of which two results differ.
    private(set) var contradicted: Set<FileName> = []
    /// Files that were handed to a worker more than once.
    private(set) var redelivered: Set<FileName> = []

    var completedCount: Int { results.count }

    mutating func add(_ result: FingerprintResult) {
        if result.attempt > 1 { redelivered.insert(result.file) }
        if let known = results[result.file] {
            if !known.agrees(with: result) { contradicted.insert(result.file) }
        } else {
            results[result.file] = result
        }
    }

    /// Holds the book against what `sha256sum` says.
    ///
    /// - Parameter references: of the files that `sha256sum` could read.
    func compare(with files: [FileName], references: [FileName: String]) -> Comparison {
        var comparison = Comparison(jobCount: files.count)
        comparison.redeliveredCount = redelivered.count
        for file in files {
            guard let result = results[file] else {
                comparison.missing.append(file)
                continue
            }
            comparison.completedCount += 1
            if result.sha256 != references[file] || contradicted.contains(file) {
                comparison.wrong.append(file)
            }
        }
        return comparison
    }
}

/// What is said at the end.
struct Comparison {
    let jobCount: Int
    var completedCount = 0
    var missing: [FileName] = []
    var wrong: [FileName] = []
    var redeliveredCount = 0

    init(jobCount: Int) {
        self.jobCount = jobCount
    }

    var isGood: Bool { missing.isEmpty && wrong.isEmpty }

    var lines: [String] {
        missing.prefix(10).map { "missing: \($0.percentEncoded)" }
            + wrong.prefix(10).map { "wrong: \($0.percentEncoded)" }
            + [
                "jobs:                \(jobCount)",
                "completed:           \(completedCount)",
                "missing:             \(missing.count)",
                "wrong:               \(wrong.count)",
                "redelivered:         \(redeliveredCount)",
            ]
    }
}
