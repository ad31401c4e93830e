package import HoldfastWAL
internal import Synchronization

// The reading of sealed segments that nobody asked for, so that what rots is known while there are
// copies of it. Nothing follows from what it finds but that it is told: a job whose birth is damaged
// is dead-lettered when it is leased.
extension Upkeep {
    /// What scrubbing has come to since the start.
    package struct ScrubReport: Sendable, Equatable {
        package var progress = ScrubProgress()
        /// Different damages that were found, `damageCountMax` at most.
        package var damageCount = 0
    }

    /// So many damages are told apart; those beyond are neither told nor counted.
    package static let damageCountMax = 1_024

    /// Under the lock of both sides.
    struct Scrubbing {
        var pace: ScrubPace
        var progress = ScrubProgress()
        /// Each round finds the same ones again.
        var known: Set<LogDamage> = []
        var untold: [LogDamage] = []

        mutating func note(_ found: [LogDamage]) {
            for damage in found where known.count < Upkeep.damageCountMax {
                if known.insert(damage).inserted { untold.append(damage) }
            }
        }
    }

    // MARK: For the engine's owner

    /// Lets time pass for scrubbing, which is done at the pace that it is given and only in steps in
    /// which nothing else is to be done.
    ///
    /// - Returns: whether a step is due.
    package func advanceScrubbing(toBootMilliseconds now: Int64) -> Bool {
        state.withLock { state in
            state.scrubbing.pace.advance(toBootMilliseconds: now)
            return state.scrubbing.pace.isDue
        }
    }

    package var scrubReport: ScrubReport {
        state.withLock {
            ScrubReport(progress: $0.scrubbing.progress, damageCount: $0.scrubbing.known.count)
        }
    }

    /// What was found since the last call and in no round before.
    package func takeDamages() -> [LogDamage] {
        state.withLock { state in
            defer { state.scrubbing.untold = [] }
            return state.scrubbing.untold
        }
    }

    // MARK: For the background thread

    /// Reads one piece, if it is time to.
    ///
    /// - Returns: whether another is due.
    func scrub() throws(LogError) -> Bool {
        guard state.withLock({ $0.scrubbing.pace.isDue }) else { return false }
        var found: [LogDamage] = []
        do throws(LogError) {
            _ = try log.scrubStep { found.append($0) }
        } catch {
            guard case .read = error else { throw error }
        }
        let progress = log.scrubProgress
        return state.withLock { state in
            state.scrubbing.pace.spend(
                byteCount: progress.byteCount - state.scrubbing.progress.byteCount)
            state.scrubbing.progress = progress
            state.scrubbing.note(found)
            return state.scrubbing.pace.isDue
        }
    }
}
