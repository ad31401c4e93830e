package import HoldfastDisk

/// What the world looks like when a log is opened: the log has no clock of its own.
package struct LogStart: Sendable, Equatable {
    package var bootID: UniqueID
    /// CLOCK_REALTIME.
    package var wallMilliseconds: Int64
    /// CLOCK_BOOTTIME.
    package var bootMilliseconds: Int64
    /// At most 64 UTF-8 bytes are kept.
    package var softwareVersion: String

    package init(
        bootID: UniqueID, wallMilliseconds: Int64, bootMilliseconds: Int64, softwareVersion: String
    ) {
        self.bootID = bootID
        self.wallMilliseconds = wallMilliseconds
        self.bootMilliseconds = bootMilliseconds
        self.softwareVersion = softwareVersion
    }
}

/// The broker's own time, which goes on across restarts and never back.
enum BrokerTime {
    /// The time at which the broker goes on.
    ///
    /// Within one boot the boot clock says how long the broker was away. Over a reboot the wall
    /// clock does, and it is not believed where it went back. A new store begins with the wall
    /// clock, so that its times can be read by people; after that nothing ties the two.
    ///
    /// - Parameters:
    ///   - previous: the last START of the log; nil in a new store.
    ///   - lastFrameTime: of the last frame behind it.
    static func base(
        at start: LogStart, after previous: StartMark?, lastFrameTime: Int64
    ) -> Int64 {
        guard let previous else { return max(start.wallMilliseconds, 0) }
        if previous.bootID == start.bootID {
            let elapsed = difference(start.bootMilliseconds, previous.bootMilliseconds)
            return max(lastFrameTime, sum(previous.timeBaseMilliseconds, elapsed))
        }
        let ran = difference(lastFrameTime, previous.timeBaseMilliseconds)
        let wallAtLastFrame = sum(previous.wallMilliseconds, ran)
        return sum(lastFrameTime, max(0, difference(start.wallMilliseconds, wallAtLastFrame)))
    }

    /// Far behind it no frame may be.
    private static let timeMax = Int64.max / 8

    // Clocks are set by people, to any value: no trap, the nearest possible time instead.
    private static func sum(_ first: Int64, _ second: Int64) -> Int64 {
        let (result, isOverflow) = first.addingReportingOverflow(second)
        return isOverflow ? (second < 0 ? .min : timeMax) : min(result, timeMax)
    }

    private static func difference(_ first: Int64, _ second: Int64) -> Int64 {
        let (result, isOverflow) = first.subtractingReportingOverflow(second)
        return isOverflow ? (second < 0 ? .max / 2 : .min) : min(result, .max / 2)
    }
}
