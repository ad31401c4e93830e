import HoldfastDisk
import HoldfastRecords
package import HoldfastSimulation
import HoldfastWAL

/// A workload that has been run without a fault: what was there before, which calls it makes, and
/// what the state is after each of its commits.
package struct SweepSubject: Sendable {
    package struct Unsound: Error, CustomStringConvertible {
        package let description: String
    }

    package let workload: SweepWorkload
    let layout: StoreLayout
    let beginning: SweepRun.Beginning
    /// Of the act without a fault.
    let recorded: SweepRun.Beginning
    /// Those that are swept, numbered from 1.
    package let calls: [SimulatedCall]

    /// - Throws: where the workload does not come to its end without a fault.
    package init(_ workload: SweepWorkload) throws {
        self.workload = workload
        layout = workload.layout
        let young = SweepRun(
            SweepRun.Beginning(timeline: Timeline(emptyStateHash: layout.emptyStateHash)),
            layout: layout)
        young.run(workload.prologue)
        try Self.check(young, "prologue of \(workload.rawValue)")
        var beginning = young.ending()
        if workload.isDamaged { try Self.damage(&beginning) }
        let recording = SweepRun(beginning, layout: layout)
        recording.run(workload.act)
        try Self.check(recording, workload.rawValue)
        let recorded = recording.ending()
        if workload.isDamaged, recorded.passedLives == nil {
            throw Unsound(description: "\(workload.rawValue): no start meets the damage")
        }
        let following = SweepRun(beginning, layout: layout, expected: recorded)
        var armed = 0
        Self.run(following, workload) { armed = following.fileSystem.calls.count }
        try Self.check(following, workload.rawValue)
        self.beginning = beginning
        self.recorded = recorded
        calls = Array(following.fileSystem.calls[armed...])
    }

    /// Runs the act, and `arm` before what is swept of it.
    static func run(_ run: SweepRun, _ workload: SweepWorkload, arm: () -> Void) {
        let act = workload.act
        let first = workload.sweepsOpening ? 0 : 1
        run.run(act[..<first])
        arm()
        run.run(act[first...])
    }

    private static func check(_ run: SweepRun, _ name: String) throws {
        if let fault = run.faults.first { throw Unsound(description: "\(name): \(fault)") }
        guard run.end == nil else {
            throw Unsound(description: "\(name) ends: \(String(describing: run.end!))")
        }
    }

    /// Changes a bit of a commit that is neither in the last snapshot nor the last of all.
    private static func damage(_ beginning: inout SweepRun.Beginning) throws {
        let frames = beginning.evidence.frames
        guard frames.count > 4 else { throw Unsound(description: "there is no commit to damage") }
        let call = frames[frames.count - 4]
        beginning.disk.flipBit(call.path, at: call.offset + 70, bit: 3)
    }

    /// The line that repeats one fault.
    package func command(_ fault: SweepFault, _ call: Int) -> String {
        "make faults WORKLOAD=\(workload.rawValue) FAULT=\(fault.rawValue) CALL=\(call)"
    }
}
