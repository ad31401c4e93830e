import HoldfastDisk
import Testing

@Suite struct TransferTests {
    /// Plays back results of a system call; returns what `run` made of them.
    func run(_ byteCount: Int, _ results: [Int]) -> (done: Int, code: Int32?, asked: [Int]) {
        var rest = results[...]
        var asked: [Int] = []
        let (done, code) = Transfer.run(byteCount: byteCount) { done in
            asked.append(done)
            return rest.popFirst() ?? 0
        }
        return (done, code, asked)
    }

    @Test("short transfers are continued where they stopped")
    func short() {
        let result = run(10, [3, 1, 6])
        #expect(result.done == 10)
        #expect(result.code == nil)
        #expect(result.asked == [0, 3, 4])
    }

    @Test("an interrupted call is made again")
    func interrupted() {
        let result = run(10, [-4, 5, -4, 5])
        #expect(result.done == 10)
        #expect(result.asked == [0, 0, 5, 5])
    }

    @Test("an error ends it and says how far it came; so does the end of the file")
    func ends() {
        let failed = run(10, [4, -5])
        #expect(failed.done == 4)
        #expect(failed.code == 5)
        let ended = run(10, [4, 0])
        #expect(ended.done == 4)
        #expect(ended.code == nil)
        #expect(run(0, []).asked == [])
    }
}
