internal import HoldfastStore
internal import HoldfastWAL
internal import Logging

// What the background reads of the log though nobody asked for it.
extension CommitLoop {
    func scrubIfDue() {
        if upkeep.advanceScrubbing(toBootMilliseconds: clock.bootMilliseconds) {
            background?.wake()
        }
    }

    /// Called after each piece of upkeep. The broker goes on: jobs elsewhere are not concerned.
    func tellDamages() {
        for damage in upkeep.takeDamages() {
            logger.error("the log is damaged: \(damage)")
        }
    }
}
