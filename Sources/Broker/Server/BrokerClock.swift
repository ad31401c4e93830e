internal import Glibc

/// The broker's three clocks, read nowhere else.
///
/// Leases and waits run on the boot clock, which nobody can set and which goes on through a
/// suspend. Jobs' delays run on broker time: the frame time that recovery found, carried forward by
/// the boot clock, so that it never goes back, across restarts and reboots (I10). The wall clock is
/// only ever written down.
package struct BrokerClock: Sendable {
    /// Broker time at `bootBaseMilliseconds` of the boot clock.
    private let timeBaseMilliseconds: Int64
    private let bootBaseMilliseconds: Int64

    /// - Parameters:
    ///   - timeBaseMilliseconds: the broker time that recovery says it is now.
    ///   - bootMilliseconds: the boot clock at that moment.
    package init(
        timeBaseMilliseconds: Int64, bootMilliseconds: Int64 = BrokerClock.bootMilliseconds()
    ) {
        self.timeBaseMilliseconds = timeBaseMilliseconds
        self.bootBaseMilliseconds = bootMilliseconds
    }

    package func brokerMilliseconds(atBoot bootMilliseconds: Int64) -> Int64 {
        timeBaseMilliseconds + max(0, bootMilliseconds - bootBaseMilliseconds)
    }

    package func bootMilliseconds(atBroker brokerMilliseconds: Int64) -> Int64 {
        bootBaseMilliseconds &+ (brokerMilliseconds &- timeBaseMilliseconds)
    }

    /// Milliseconds since the machine was booted, times of suspension included.
    package static func bootMilliseconds() -> Int64 { milliseconds(of: CLOCK_BOOTTIME) }

    /// Milliseconds since 1970 as the machine believes; may jump in either direction.
    package static func wallMilliseconds() -> Int64 { milliseconds(of: CLOCK_REALTIME) }

    private static func milliseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
