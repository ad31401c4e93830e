import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation

/// Tries every crash: for one seed, the moments of a recorded life of a store, the states that a
/// crash at each of them may leave, and for some of these a second crash in what follows.
package struct Explorer {
    package struct Parameters: Sendable {
        /// Verbs in the recorded life.
        package var operationCount = 300
        /// States that are looked at of one moment; where it has more, some by chance.
        package var statesPerMoment = 48
        /// The same where only spare files are concerned, whose contents are of no account.
        package var statesPerSpareMoment = 6
        /// Second crashes for each state, on average.
        package var nestedCount = 1
        package var flaw: Flaw?
        /// After so many violations a seed is given up.
        package var violationCountMax = 3

        package init() {}
    }

    /// Where a violation was: all that repeats it.
    package struct Place: Sendable {
        package var moment: Int
        package var state: Int
        package var nested: (moment: Int, state: Int)?

        package init(moment: Int, state: Int, nested: (moment: Int, state: Int)? = nil) {
            self.moment = moment
            self.state = state
            self.nested = nested
        }
    }

    package let seed: UInt64
    package let parameters: Parameters
    private let recording: Recording
    package private(set) var report = ExplorationReport()
    /// The hashes of states that were judged, and where the log ended there.
    private var known: [UInt64: LSN] = [:]

    /// - Throws: where the store fails without a crash.
    package init(seed: UInt64, _ parameters: Parameters) throws {
        self.seed = seed
        self.parameters = parameters
        recording = try Recording(
            seed: seed, operationCount: parameters.operationCount, flaw: parameters.flaw)
    }

    /// The whole of a seed; a store that fails without a crash is a violation, too.
    ///
    /// - Parameter progress: is called now and then with what has been done since the last call.
    package static func explore(
        seed: UInt64, _ parameters: Parameters,
        progress: (_ states: Int, _ distinct: Int) -> Void = { _, _ in }
    ) -> ExplorationReport {
        do {
            var explorer = try Explorer(seed: seed, parameters)
            explorer.run(progress)
            return explorer.report
        } catch {
            var report = ExplorationReport()
            report.seedCount = 1
            report.violations = [
                ExplorationReport.Violation(
                    command: "make explore SEED=\(seed) STEPS=\(parameters.operationCount)",
                    place: nil, state: "no crash", faults: ["\(error)"])
            ]
            return report
        }
    }

    package mutating func run(
        _ progress: (_ states: Int, _ distinct: Int) -> Void = { _, _ in }
    ) {
        report.seedCount = 1
        for (number, moment) in recording.moments.enumerated() where moment.next.call.changesDisk {
            let before = (report.stateCount, report.distinctCount)
            explore(number, moment)
            progress(report.stateCount - before.0, report.distinctCount - before.1)
            if report.violations.count >= parameters.violationCountMax { return }
        }
    }

    /// Judges one state again and says what was wrong with it.
    package func repeated(_ place: Place) -> (text: String, faults: [String]) {
        guard recording.moments.indices.contains(place.moment) else {
            return ("", ["there is no moment \(place.moment)"])
        }
        let moment = recording.moments[place.moment]
        let states = CrashStates(moment, seed: momentSeed(place.moment))
        guard place.state < states.count else { return ("", ["there is no such state"]) }
        let state = states[place.state]
        let seed = stateSeed(place.moment, place.state)
        let verdict = judge(
            state, states.disk(of: state), moment.note, recording.timeline, seed: seed,
            keepingMoments: place.nested != nil)
        let text = "before \(moment.next), \(moment.activity), \(state)"
        guard let nested = place.nested else { return (text, verdict.faults) }
        guard verdict.moments.indices.contains(nested.moment) else {
            return (text, verdict.faults + ["there is no nested moment \(nested.moment)"])
        }
        let inner = verdict.moments[nested.moment]
        let innerStates = CrashStates(inner, seed: seed)
        guard nested.state < innerStates.count else { return (text, ["there is no such state"]) }
        let innerState = innerStates[nested.state]
        let innerVerdict = judge(
            innerState, innerStates.disk(of: innerState), inner.note,
            timeline(of: inner, verdict), seed: seed ^ 1, keepingMoments: false)
        return (
            text + "; then before \(inner.next), \(inner.activity), \(innerState)",
            innerVerdict.faults
        )
    }

    // MARK: One crash

    private func momentSeed(_ moment: Int) -> UInt64 {
        ContentHash.mix(seed, UInt64(moment))
    }

    private func stateSeed(_ moment: Int, _ state: Int) -> UInt64 {
        ContentHash.mix(momentSeed(moment), UInt64(state) + 1)
    }

    private mutating func explore(_ number: Int, _ moment: SimulatedMoment) {
        report.momentCount += 1
        let states = CrashStates(moment, seed: momentSeed(number))
        let kinds = Crossing.kinds(
            of: moment, recordNames: recording.timeline.recordNames(after: moment.note))
        let limit =
            kinds == [.spare] ? parameters.statesPerSpareMoment : parameters.statesPerMoment
        for index in Self.choose(limit, of: states.count, seed: momentSeed(number)) {
            let state = states[index]
            let disk = states.disk(of: state)
            report.stateCount += 1
            report.cross(kinds)
            let hash = ContentHash.mix(disk.stateHash, state.isLosingPower ? 1 : 0)
            if let lastLSN = known[hash] {
                // Judged before; it may come too late now.
                if lastLSN < moment.note {
                    add(
                        Place(moment: number, state: index), state,
                        ["S10: only \(lastLSN) of \(moment.note) acknowledged"])
                }
                continue
            }
            report.distinctCount += 1
            let seed = stateSeed(number, index)
            let isNesting = parameters.nestedCount > 0 && report.distinctCount % 4 == 0
            let verdict = judge(
                state, disk, moment.note, recording.timeline, seed: seed, keepingMoments: isNesting)
            known[hash] = verdict.lastLSN
            if !verdict.faults.isEmpty {
                add(Place(moment: number, state: index), state, verdict.faults)
                if report.violations.count >= parameters.violationCountMax { return }
            } else if isNesting {
                exploreNested(Place(moment: number, state: index), state, verdict, seed)
            }
        }
    }

    private func judge(
        _ state: CrashState, _ disk: SimulatedDisk, _ acknowledged: LSN, _ timeline: Timeline,
        seed: UInt64, keepingMoments: Bool
    ) -> StateJudge.Verdict {
        StateJudge(layout: recording.layout, flaw: parameters.flaw, seed: seed).judge(
            disk, isLosingPower: state.isLosingPower, acknowledged: acknowledged, timeline,
            keepingMoments: keepingMoments)
    }

    private mutating func add(_ place: Place, _ state: CrashState, _ faults: [String]) {
        var command = "make explore SEED=\(seed) MOMENT=\(place.moment) STATE=\(place.state)"
        if let nested = place.nested { command += " NESTED=\(nested.moment):\(nested.state)" }
        if parameters.operationCount != Parameters().operationCount {
            command += " STEPS=\(parameters.operationCount)"
        }
        report.violations.append(
            ExplorationReport.Violation(
                command: command, place: place, state: state.description, faults: faults))
    }

    /// `limit` numbers below `count`, the first ones and the last among them, by seed.
    private static func choose(_ limit: Int, of count: Int, seed: UInt64) -> [Int] {
        guard count > limit else { return Array(0..<count) }
        var chosen: Set<Int> = [0, 1, count - 2, count - 1]
        var random = SeededRandom(seed: seed)
        while chosen.count < limit { chosen.insert(random.below(count)) }
        return chosen.sorted()
    }

    // MARK: A second crash

    /// What holds at a moment after the first crash: before the opening was done nobody had been
    /// shown anything, so what was in doubt then still is.
    private func timeline(of inner: SimulatedMoment, _ verdict: StateJudge.Verdict) -> Timeline {
        inner.activity == Activity.opening && inner.note < verdict.lastLSN
            ? recording.timeline : verdict.timeline
    }

    private mutating func exploreNested(
        _ place: Place, _ state: CrashState, _ verdict: StateJudge.Verdict, _ seed: UInt64
    ) {
        let moments = verdict.moments.indices.filter {
            verdict.moments[$0].next.call.changesDisk
        }
        guard !moments.isEmpty else { return }
        var random = SeededRandom(seed: seed ^ 2)
        for _ in 0..<parameters.nestedCount * 4 {
            let number = random.pick(moments)
            let moment = verdict.moments[number]
            let states = CrashStates(moment, seed: seed)
            let index = random.below(states.count)
            let inner = states[index]
            let disk = states.disk(of: inner)
            let timeline = timeline(of: moment, verdict)
            report.stateCount += 1
            report.cross(
                [moment.activity == Activity.opening ? .nestedOpening : .nestedLater]
                    + Crossing.kinds(
                        of: moment, recordNames: timeline.recordNames(after: moment.note)))
            let hash = ContentHash.mix(disk.stateHash, inner.isLosingPower ? 1 : 0)
            if known[hash] != nil { continue }
            report.distinctCount += 1
            let judged = judge(
                inner, disk, moment.note, timeline, seed: seed ^ 1, keepingMoments: false)
            known[hash] = judged.lastLSN
            guard judged.faults.isEmpty else {
                add(
                    Place(
                        moment: place.moment, state: place.state, nested: (number, index)),
                    inner, judged.faults)
                return
            }
        }
    }
}
