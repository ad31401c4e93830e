import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// A log that was opened in passing mode, and what it handed on.
struct PassedLog {
    final class Heard {
        var told: [LogDamage] = []
        var handed: [LSN] = []
        var faults: [String] = []
    }

    let fileSystem: SimulatedFileSystem
    let log: WriteAheadLog
    let heard = Heard()
    private let batch = RecordBatch()

    init(_ disk: SimulatedDisk, from origin: LogOrigin? = nil, isPassing: Bool = true) throws {
        try self.init(SimulatedFileSystem(disk), from: origin, isPassing: isPassing)
    }

    init(
        _ fileSystem: SimulatedFileSystem, from origin: LogOrigin?, isPassing: Bool = true
    ) throws {
        self.fileSystem = fileSystem
        let heard = heard
        var lastFrameTime = Int64.min
        log = try WriteAheadLog.open(
            try DataDirectory.open(
                fileSystem, entropy: TestStore.entropy(seed: UInt64(fileSystem.calls.count) + 99)),
            start: TestStore.start(), from: origin,
            passing: isPassing ? { heard.told.append($0) } : nil
        ) { lsn, frameTime, body in
            if !TestStore.isBody(lsn, body) { heard.faults.append("record \(lsn) is altered") }
            if lsn <= heard.handed.last ?? origin?.lastLSN ?? 0 {
                heard.faults.append("\(lsn) after \(heard.handed.last ?? 0)")
            }
            if frameTime < lastFrameTime { heard.faults.append("time goes back at \(lsn)") }
            lastFrameTime = frameTime
            heard.handed.append(lsn)
        }
    }

    /// Appends `count` records of one commit, and returns what was appended.
    func append(_ count: Int) throws -> [LSN] {
        batch.open(
            firstLSN: log.durableLSN + 1,
            frameTime: max(log.recovery.timeBaseMilliseconds, log.recovery.lastFrameTime) + 7)
        for _ in 0..<count {
            let lsn = batch.nextLSN
            let bytes = TestStore.body(lsn)
            _ = batch.append(bodyByteCount: bytes.count, isIndexed: TestStore.isIndexed(lsn)) {
                $0.copyBytes(from: bytes)
            }
        }
        try log.append(batch)
        return Array(batch.firstLSN..<batch.nextLSN)
    }

    /// What the two snapshots would say that are written before anything is served.
    var origin: LogOrigin {
        LogOrigin(
            lastLSN: log.durableLSN, frameTime: log.recovery.lastFrameTime,
            segments: log.sealedSegments, olderLastLSN: log.durableLSN,
            olderSegments: log.sealedSegments)
    }

    /// Every LSN that there is or was gets one answer; what is answered is right, and indexed
    /// records of `expected` are found.
    func readFaults(_ expected: [LSN], upTo last: LSN) throws -> [String] {
        var faults: [String] = []
        var seen: Set<LSN> = []
        let expected = Set(expected.filter(TestStore.isIndexed))
        let asked = Array(1..<last + 1) + Array(log.firstNextLSN - 1...log.durableLSN + 1)
        try log.read(Array(Set(asked))) { lsn, body in
            if !seen.insert(lsn).inserted { faults.append("\(lsn) twice") }
            guard let body else {
                if expected.contains(lsn) { faults.append("\(lsn) is absent") }
                return
            }
            if !TestStore.isBody(lsn, body) { faults.append("\(lsn) is wrong") }
        }
        if seen != Set(asked) { faults.append("\(seen.count) answers") }
        return faults
    }

    private func expectReadable(_ expected: [LSN], upTo last: LSN, _ note: Comment) throws {
        let faults = try readFaults(expected, upTo: last)
        #expect(faults == [], note)
    }

    /// Opens a damaged log, crashes, opens it again, and once more in refusing mode from behind the
    /// damage, and judges all that can be judged at each step.
    ///
    /// - Parameters:
    ///   - last: the highest LSN that was ever given out.
    ///   - expected: what has to be handed on; nil where nothing is asked but that it is right.
    ///   - repeating: how a failing case is repeated.
    /// - Returns: what the first opening was told.
    @discardableResult
    static func check(
        _ disk: SimulatedDisk, from origin: LogOrigin? = nil, last: LSN, expected: [LSN],
        isExact: Bool = true, repeating: String
    ) throws -> (told: [LogDamage], report: LogRecoveryReport, disk: SimulatedDisk) {
        let first = try PassedLog(disk, from: origin)
        let note = Comment(rawValue: repeating)
        let handed = first.heard.handed
        #expect(first.heard.faults == [], note)
        if isExact {
            #expect(handed == expected, note)
        } else {
            #expect(Set(expected).subtracting(handed) == [], note)
        }
        let report = first.log.recovery
        let isDamaged = !first.heard.told.isEmpty
        #expect(report.damageCount == first.heard.told.count, note)
        #expect(report.damages == Array(first.heard.told.prefix(100)), note)
        if isDamaged {
            #expect(first.log.firstNextLSN > last, note)
            let origin = origin?.lastLSN ?? 0
            var next = origin + 1
            var rest = handed[...]
            for range in report.missing {
                while let lsn = rest.first, lsn < range.lowerBound {
                    #expect(lsn == next, note)
                    next += 1
                    rest.removeFirst()
                }
                #expect(range.lowerBound == next, note)
                next = range.upperBound + 1
            }
            #expect(next + LSN(rest.count) == first.log.firstNextLSN, note)
        } else {
            #expect(report.missing == [], note)
        }
        try first.expectReadable(handed, upTo: last, note)

        // A crash before the snapshots.
        var appended = try first.append(2)
        let second = try PassedLog(first.fileSystem.disk.afterKill(), from: origin)
        #expect(second.heard.faults == [], note)
        #expect(second.heard.handed == handed + appended, note)
        // A START that was made again, or a file that was put aside, is not met twice.
        #expect(second.heard.told.isEmpty || isDamaged, note)
        #expect(second.log.firstNextLSN == appended.last! + 1, note)
        try second.expectReadable(handed + appended, upTo: last, note)
        let third = try PassedLog(second.fileSystem.disk.afterKill(), from: origin)
        #expect(third.heard.handed == handed + appended, note)

        // And then the snapshots.
        let behind = third.origin
        let known = handed + appended
        appended = try third.append(3)
        let fourth = try PassedLog(
            third.fileSystem.disk.afterKill(), from: behind, isPassing: false)
        #expect(fourth.heard.faults == [], note)
        #expect(fourth.heard.handed == appended, note)
        try fourth.expectReadable(known + appended, upTo: last, note)
        return (first.heard.told, report, first.fileSystem.disk.afterKill())
    }
}
