internal import Glibc
internal import HoldfastMutants

/// The broker's clocks, read nowhere else.
///
/// Leases and waits run on the boot clock, which nobody can set and which goes on through a
/// suspend. Jobs' delays run on broker time: the time that recovery found, carried forward by the
/// boot clock, so that it never goes back, across restarts and reboots (I10). The wall clock is
/// only ever written down.
package struct BrokerClock: Sendable {
    /// Broker time at `bootBaseMilliseconds` of the boot clock.
    private let timeBaseMilliseconds: Int64
    private let bootBaseMilliseconds: Int64
    private let readBoot: @Sendable () -> Int64

    /// - Parameters:
    ///   - timeBaseMilliseconds: the broker time that recovery says it was
    ///   - bootBaseMilliseconds: at this moment of the boot clock.
    ///   - readBoot: reads the boot clock.
    package init(
        timeBaseMilliseconds: Int64, bootBaseMilliseconds: Int64,
        readBoot: @escaping @Sendable () -> Int64 = BrokerClock.systemBootMilliseconds
    ) {
        self.timeBaseMilliseconds = timeBaseMilliseconds
        self.bootBaseMilliseconds = bootBaseMilliseconds
        self.readBoot = readBoot
    }

    /// Milliseconds since the machine was booted.
    package var bootMilliseconds: Int64 { readBoot() }

    package func brokerMilliseconds(atBoot bootMilliseconds: Int64) -> Int64 {
        timeBaseMilliseconds + max(0, bootMilliseconds - bootBaseMilliseconds)
    }

    package func bootMilliseconds(atBroker brokerMilliseconds: Int64) -> Int64 {
        bootBaseMilliseconds &+ (brokerMilliseconds &- timeBaseMilliseconds)
    }

    /// Milliseconds since the machine was booted, times of suspension included.
    @Sendable package static func systemBootMilliseconds() -> Int64 {
        milliseconds(of: Mutant.leaseDeadlineFromWallClock.isOn ? CLOCK_REALTIME : CLOCK_BOOTTIME)
    }

    /// Milliseconds since 1970 as the machine believes; may jump in either direction.
    @Sendable package static func systemWallMilliseconds() -> Int64 {
        milliseconds(of: CLOCK_REALTIME)
    }

    private static func milliseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
