internal import Glibc
internal import HoldfastBroker
internal import Testing

@Suite struct BrokerClockTests {
    @Test("S3 leases run on the clock since the machine's boot, which nobody can set")
    func bootClock() {
        let before = Self.milliseconds(CLOCK_BOOTTIME)
        let read = BrokerClock.systemBootMilliseconds()
        let after = Self.milliseconds(CLOCK_BOOTTIME)
        #expect(before <= read && read <= after)
    }

    @Test("I10 broker time goes on from what recovery says, with the boot clock, and never back")
    func brokerTime() {
        let clock = BrokerClock(timeBaseMilliseconds: 1_000_000, bootBaseMilliseconds: 500)
        #expect(clock.brokerMilliseconds(atBoot: 500) == 1_000_000)
        #expect(clock.brokerMilliseconds(atBoot: 1_700) == 1_001_200)
        #expect(clock.brokerMilliseconds(atBoot: 0) == 1_000_000)
        #expect(clock.bootMilliseconds(atBroker: 1_001_200) == 1_700)
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
