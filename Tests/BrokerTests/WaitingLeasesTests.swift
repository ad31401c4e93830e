internal import HoldfastBroker
internal import HoldfastEngine
internal import Testing

private final class Line {}

@Suite struct WaitingLeasesTests {
    private let one = QueueID(rawValue: 1)
    private let two = QueueID(rawValue: 2)

    private func wait(
        _ line: Line, _ correlation: UInt32, _ queue: QueueID, until milliseconds: Int64
    ) -> WaitingLeases<Line>.Wait {
        .init(
            connection: line, correlation: correlation, queue: queue, count: 1,
            durationMilliseconds: 0, deadlineMilliseconds: milliseconds)
    }

    @Test("first come, first served, each queue by itself")
    func order() {
        var waits = WaitingLeases<Line>()
        let line = Line()
        waits.append(wait(line, 1, one, until: 50))
        waits.append(wait(line, 2, two, until: 40))
        waits.append(wait(line, 3, one, until: 30))
        #expect(waits.first(of: one)?.correlation == 1)
        waits.removeFirst(of: one)
        #expect(waits.first(of: one)?.correlation == 3)
        #expect(waits.first(of: two)?.correlation == 2)
        #expect(waits.count == 2)
    }

    @Test("a wait ends at its deadline and leaves its line")
    func expiry() {
        var waits = WaitingLeases<Line>()
        let line = Line()
        waits.append(wait(line, 1, one, until: 50))
        waits.append(wait(line, 2, one, until: 30))
        #expect(waits.nextDeadlineMilliseconds() == 30)
        #expect(waits.removeExpired(atBoot: 29) == nil)
        #expect(waits.removeExpired(atBoot: 30)?.correlation == 2)
        #expect(waits.removeExpired(atBoot: 30) == nil)
        #expect(waits.nextDeadlineMilliseconds() == 50)
        #expect(waits.first(of: one)?.correlation == 1)
        #expect(waits.removeExpired(atBoot: 50)?.correlation == 1)
        #expect(waits.first(of: one) == nil)
        #expect(waits.nextDeadlineMilliseconds() == nil)
    }

    @Test("the waits of a closed connection are gone, those of others stay in line")
    func closing() {
        var waits = WaitingLeases<Line>()
        let gone = Line()
        let here = Line()
        waits.append(wait(gone, 1, one, until: 50))
        waits.append(wait(here, 2, one, until: 50))
        waits.append(wait(gone, 3, two, until: 50))
        #expect(waits.removeAll(of: gone).map(\.correlation) == [1, 3])
        #expect(waits.first(of: one)?.correlation == 2)
        #expect(waits.first(of: two) == nil)
        #expect(waits.removeAll().map(\.correlation) == [2])
        #expect(waits.count == 0)
    }

    @Test("ten thousand waits that came and went leave nobody out and nothing behind")
    func turnover() {
        var waits = WaitingLeases<Line>()
        let line = Line()
        waits.append(wait(line, .max, two, until: 1_000_000))
        for number in 0..<10_000 {
            waits.append(wait(line, UInt32(number), one, until: Int64(number) + 100))
            #expect(waits.first(of: one)?.correlation == UInt32(number))
            if number.isMultiple(of: 2) {
                waits.removeFirst(of: one)
            } else {
                #expect(
                    waits.removeExpired(atBoot: Int64(number) + 100)?.correlation == UInt32(number))
            }
        }
        #expect(waits.count == 1)
        #expect(waits.nextDeadlineMilliseconds() == 1_000_000)
        #expect(waits.first(of: two)?.correlation == .max)
    }
}
