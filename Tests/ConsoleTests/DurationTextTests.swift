internal import HoldfastConsole
internal import Testing

@Suite struct DurationTextTests {
    @Test(
        "a whole number and its unit",
        arguments: [
            ("500ms", 500), ("0s", 0), ("10s", 10_000), ("5m", 300_000), ("2h", 7_200_000),
            ("1d", 86_400_000), ("007s", 7_000),
        ] as [(String, Int64)])
    func read(text: String, milliseconds: Int64) throws {
        #expect(try DurationText.milliseconds(text) == milliseconds)
    }

    @Test("a number alone is refused with both readings of it")
    func numberAlone() {
        let fault = #expect(throws: DurationText.Fault.self) {
            try DurationText.milliseconds("30")
        }
        #expect(fault?.description.contains("30s") == true)
        #expect(fault?.description.contains("30ms") == true)
    }

    @Test(
        "everything else is refused",
        arguments: [
            "", "s", "-5s", "1.5s", "5 s", "5S", "5sec", "1h30m", "ms500", "９s", "5s ",
            "9223372036854775808ms", "106751991168d",
        ])
    func refuse(text: String) {
        #expect(throws: DurationText.Fault.self) { try DurationText.milliseconds(text) }
    }

    @Test(
        "an exact duration is read back as it was",
        arguments: [
            (0, "0s"), (1, "1ms"), (1_500, "1500ms"), (30_000, "30s"), (90_000, "90s"),
            (3_600_000, "1h"), (86_400_000, "1d"), (43_200_000, "12h"),
        ] as [(Int64, String)])
    func exact(milliseconds: Int64, text: String) throws {
        #expect(DurationText.exact(milliseconds: milliseconds) == text)
        #expect(try DurationText.milliseconds(text) == milliseconds)
    }

    @Test(
        "a rough duration names two units at most",
        arguments: [
            (-5, "0ms"), (0, "0ms"), (999, "999ms"), (1_999, "1s"), (61_000, "1m 1s"),
            (3_600_000, "1h"), (3_661_000, "1h 1m"), (90_061_000, "1d 1h"), (86_460_000, "1d 1m"),
        ] as [(Int64, String)])
    func rough(milliseconds: Int64, text: String) {
        #expect(DurationText.rough(milliseconds: milliseconds) == text)
    }
}
