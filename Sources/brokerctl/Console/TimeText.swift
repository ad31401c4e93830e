/// Points in time for people: UTC, to the second.
package enum TimeText {
    /// `2026-11-21 20:43:20Z`.
    ///
    /// The day is found by H. Hinnant's "chrono-Compatible Low-Level Date Algorithms"
    /// (civil_from_days), which counts years from March so that the leap day comes last.
    package static func utc(millisecondsSince1970 milliseconds: Int64) -> String {
        let (days, millisecondsOfDay) = milliseconds.quotientAndRemainderRoundedDown(
            dividingBy: 86_400_000)
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainderRoundedDown(dividingBy: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let seconds = millisecondsOfDay / 1_000
        return digits(year, 4) + "-" + digits(month, 2) + "-" + digits(day, 2) + " "
            + digits(seconds / 3_600, 2) + ":" + digits(seconds / 60 % 60, 2) + ":"
            + digits(seconds % 60, 2) + "Z"
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}

extension Int64 {
    fileprivate func quotientAndRemainderRoundedDown(
        dividingBy divisor: Int64
    ) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
