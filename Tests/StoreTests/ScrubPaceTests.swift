import HoldfastStore
import Testing

@Suite struct ScrubPaceTests {
    /// Pieces that are due when the clock goes on in steps of so many milliseconds.
    private func pieceCount(_ pace: inout ScrubPace, seconds: Int, step: Int64 = 1_000) -> Int {
        var count = 0
        for now in stride(from: Int64(0), through: Int64(seconds) * 1_000, by: Int(step)) {
            pace.advance(toBootMilliseconds: now)
            while pace.isDue {
                count += 1
                pace.spend(byteCount: 100)
            }
        }
        return count
    }

    @Test("so many bytes a second, whatever the steps of the clock")
    func rate() {
        for step: Int64 in [10, 250, 1_000, 2_000] {
            var pace = ScrubPace(byteCountPerSecond: 500, pieceByteCount: 1_000)
            #expect((49...50).contains(pieceCount(&pace, seconds: 100, step: step)))
        }
        var off = ScrubPace(byteCountPerSecond: 0, pieceByteCount: 1_000)
        #expect(pieceCount(&off, seconds: 100) == 0)
    }

    @Test("a long piece is waited for, and what was not used is not saved up")
    func limits() {
        var pace = ScrubPace(byteCountPerSecond: 1_000, pieceByteCount: 1_000)
        pace.advance(toBootMilliseconds: 5_000_000)
        #expect(!pace.isDue)
        pace.advance(toBootMilliseconds: 5_001_000)
        #expect(pace.isDue)
        pace.spend(byteCount: 3_000)
        pace.advance(toBootMilliseconds: 5_003_000)
        #expect(!pace.isDue)
        pace.advance(toBootMilliseconds: 5_004_000)
        #expect(pace.isDue)
        // A suspend of a day, and a clock that stands.
        pace.advance(toBootMilliseconds: 90_000_000)
        pace.advance(toBootMilliseconds: 90_000_000)
        pace.spend(byteCount: 0)
        pace.spend(byteCount: 0)
        #expect(!pace.isDue)
    }
}
