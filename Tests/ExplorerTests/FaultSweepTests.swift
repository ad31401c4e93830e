import HoldfastExplorer
import Testing

/// F9, F11, F12, and of F7 what a disk does by itself: a sample by chance; all of it is `make faults`.
@Suite struct FaultSweepTests {
    /// Every how-manieth call of a workload, beginning at one that differs from fault to fault.
    static let stride = 14

    @Test("call N fails or lies: nothing is lost in silence", arguments: SweepWorkload.allCases)
    func sample(workload: SweepWorkload) throws {
        let subject = try SweepSubject(workload)
        #expect(subject.calls.count > 50)
        var report = SweepReport()
        for (number, fault) in SweepFault.allCases.enumerated() {
            for call in Swift.stride(
                from: 1 + number * 5 % Self.stride, through: subject.calls.count, by: Self.stride)
            {
                report.judge(fault, at: call, of: subject)
            }
        }
        #expect(report.violations == [])
        #expect(report.runCount > 30)
        #expect(report.count(.stopped) + report.count(.notOpened) > 0)
    }

    @Test("a fault is repeated by the line that is printed")
    func repeats() throws {
        let subject = try SweepSubject(.append)
        #expect(
            subject.command(.lostWrite, 17)
                == "make faults WORKLOAD=append FAULT=lost-write CALL=17"
        )
        #expect(SweepJudge.judge(.ioError, at: subject.calls.count + 1, of: subject) == nil)
        let calls = try SweepSubject(.append).calls
        #expect(calls == subject.calls)
    }
}
