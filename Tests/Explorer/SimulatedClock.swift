import HoldfastDisk
import HoldfastWAL

/// The clocks of a machine that does not exist: time passes when a test says so.
package struct SimulatedClock: Sendable {
    /// CLOCK_REALTIME and CLOCK_BOOTTIME, in milliseconds.
    package var wallMilliseconds: Int64 = 1_800_000_000_000
    package private(set) var bootMilliseconds: Int64 = 16_000
    /// Since the beginning of all, in milliseconds: what clients time their requests by.
    package private(set) var elapsedMilliseconds: Int64 = 1_000
    private var bootNumber: UInt64 = 1

    package init() {}

    package mutating func pass(_ milliseconds: Int64) {
        wallMilliseconds += milliseconds
        bootMilliseconds += milliseconds
        elapsedMilliseconds += milliseconds
    }

    /// The machine was off for a while.
    package mutating func reboot(off milliseconds: Int64 = 60_000) {
        wallMilliseconds += milliseconds
        elapsedMilliseconds += milliseconds
        bootMilliseconds = 9_000
        bootNumber += 1
    }

    var bootID: UniqueID { UniqueID(high: 0x0B00_71D0, low: bootNumber) }

    var logStart: LogStart {
        LogStart(
            bootID: bootID, wallMilliseconds: wallMilliseconds, bootMilliseconds: bootMilliseconds,
            softwareVersion: "explorer")
    }
}
