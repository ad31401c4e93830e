internal import HoldfastConsole
internal import Testing

@Suite struct TimeTextTests {
    @Test(
        "leap days, turns of the year, and times before 1970",
        arguments: [
            (0, "1970-01-01 00:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
            (951_782_400_000, "2000-02-29 00:00:00Z"),
            (1_709_251_199_999, "2024-02-29 23:59:59Z"),
            (1_709_251_200_000, "2024-03-01 00:00:00Z"),
            (1_763_758_980_000, "2025-11-21 21:03:00Z"),
            (4_102_444_799_000, "2099-12-31 23:59:59Z"),
            (4_107_542_400_000, "2100-03-01 00:00:00Z"),
        ] as [(Int64, String)])
    func utc(milliseconds: Int64, text: String) {
        #expect(TimeText.utc(millisecondsSince1970: milliseconds) == text)
    }
}
