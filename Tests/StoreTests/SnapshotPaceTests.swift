import HoldfastStore
import Testing

@Suite struct SnapshotPaceTests {
    private static var policy: SnapshotPolicy {
        var policy = SnapshotPolicy()
        policy.logByteCountMin = 1_000
        policy.sizeFactor = 5
        policy.recordCountMax = 100
        policy.dirtyPageCountMax = 10
        return policy
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var records = 1
        var bytes = 0
        var dirtyPages = 0
        var lastSnapshotBytes = 0
        let isDue: Bool
        var testDescription: String { name }
    }

    @Test(
        "a snapshot is due by any of its triggers",
        arguments: [
            Case(name: "nothing happened", records: 0, bytes: 9_999, dirtyPages: 9, isDue: false),
            Case(name: "little happened", bytes: 999, dirtyPages: 9, isDue: false),
            Case(name: "enough log", bytes: 1_000, isDue: true),
            Case(
                name: "less than five snapshots", bytes: 1_499, lastSnapshotBytes: 300, isDue: false
            ),
            Case(name: "five snapshots", bytes: 1_500, lastSnapshotBytes: 300, isDue: true),
            Case(name: "many records", records: 100, isDue: true),
            Case(name: "many changed pages", dirtyPages: 10, isDue: true),
            Case(
                name: "many changed pages left by one that failed", records: 0, dirtyPages: 10,
                isDue: true),
        ])
    func triggers(_ example: Case) {
        var pace = SnapshotPace(Self.policy)
        pace.add(recordCount: 500, byteCount: 5_000)
        pace.began(byteCount: example.lastSnapshotBytes)
        pace.add(recordCount: example.records, byteCount: example.bytes)
        #expect(pace.isDue(dirtyPageCount: example.dirtyPages) == example.isDue)
    }
}
