import HoldfastExplorer
import Testing

/// F6, F33, S13: bits flipped in a whole store; all of them are `make flips`.
@Suite struct FlipTests {
    static let sampleCount = 2_000

    @Test(
        "F6, F33, S13: a flipped bit is found or harms nobody, wherever it is",
        arguments: FlipLayout.allCases)
    func sample(layout: FlipLayout) throws {
        let subject = try FlipSubject(layout, seed: 1)
        #expect(StoreFileKind.required.isSubset(of: subject.presentKinds))
        #expect(subject.byteCount >= 64 << 10)
        var report = FlipReport()
        // Odd, so that every bit of a byte has its turn.
        let stride = subject.flipCount / Self.sampleCount | 1
        for number in Swift.stride(from: 0, to: subject.flipCount, by: stride) {
            report.judge(number, of: subject)
        }
        // The few bytes of these would be missed.
        for number in Swift.stride(from: 0, to: subject.flipCount, by: 8) {
            guard let place = subject.place(number) else { continue }
            if [.store, .sidecar].contains(place.kind), place.offset % 4 == 0 {
                report.judge(number + place.offset / 4 % 8, of: subject)
            }
        }
        #expect(report.violations == [])
        #expect(report.missing.filter { $0 != .lock } == [], "\(report.table)")
        #expect(report.count(.refused) > 0)
        #expect(report.count(.page) > 0)
        #expect(report.count(.birth) > 0)
        #expect(report.count(.named) > 0)
        #expect(report.flipCount >= Self.sampleCount)
    }

    @Test("a flip is repeated by the line that is printed, and one seed is one store")
    func repeats() throws {
        let first = try FlipSubject(.closed, seed: 3)
        let second = try FlipSubject(.closed, seed: 3)
        #expect(first.flipCount == second.flipCount)
        #expect(
            first.command(17) == "make flips LAYOUT=2 SEED=3 FROM=17 TO=17")
        let number = first.flipCount / 2
        let one = FlipJudge.judge(number, of: first)
        let other = FlipJudge.judge(number, of: second)
        #expect(one?.outcome == other?.outcome)
        #expect(FlipJudge.judge(first.flipCount, of: first) == nil)
    }
}
