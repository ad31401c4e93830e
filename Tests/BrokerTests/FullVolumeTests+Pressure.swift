import HoldfastProtocol
import HoldfastSimulation
import Testing

/// Between room enough and none: the reserve is whole, and the volume has less than that again.
extension FullVolumeTests {
    /// Lets the broker look at its volume, which it does once a second.
    private static func look(_ rig: BrokerRig) {
        for _ in 1...25 { rig.pass(milliseconds: 50) }
    }

    private static func status(
        _ rig: BrokerRig, _ client: RigClient
    ) throws -> [String: StatusReply.Value] {
        try ask(rig, client) { EmptyFrame.write(.status, correlation: $0, into: &$1) }.status
    }

    private static func storage(_ rig: BrokerRig, _ client: RigClient) throws -> String {
        guard case .text(let state)? = try status(rig, client)["storage"] else { return "?" }
        return state
    }

    private static func number(
        _ name: String, _ rig: BrokerRig, _ client: RigClient
    ) throws -> UInt64 {
        guard case .number(let number)? = try status(rig, client)[name] else {
            Issue.record("the status has no \(name)")
            return 0
        }
        return number
    }

    @Test("L5: a volume that fills up is almost full first, takes jobs still, and has room again")
    func fillsUp() throws {
        let rig = try Self.rig()
        let client = try rig.connect()
        /// In the order in which they came first: about its border a state may come and go.
        var states = [try Self.storage(rig, client)]
        var count = 0
        var countUnderPressure = 0
        var isTaken = true
        while isTaken, count < 100_000 {
            let reply = try Self.ask(
                rig, client, RigClient.enqueue(Array(repeating: Self.payload, count: 16), to: "q"))
            isTaken = reply.refusal == nil
            // So slowly that it looks at its volume now and then.
            if isTaken { rig.pass(milliseconds: 100) }
            let state = try Self.storage(rig, client)
            if !states.contains(state) { states.append(state) }
            if isTaken { count += 16 }
            if isTaken, state == "pressure" { countUnderPressure += 16 }
        }
        #expect(states == ["normal", "pressure", "full"])
        #expect(countUnderPressure > 16 * 16)
        #expect(try Self.drain(rig, client) == count)
        #expect(try Self.isTakenSoon(rig, client))
        for _ in 1...200 { rig.pass(milliseconds: 50) }
        #expect(try Self.storage(rig, client) == "normal")
    }

    @Test(
        "on a volume that is almost full space is given back early: snapshots after half a segment of log, and soon without work",
        arguments: [false, true])
    func pace(isScarce: Bool) throws {
        let rig = try Self.rig(capacityByteCount: 1 << 30)
        let client = try rig.connect()
        // The reserve is six segments of a MiB.
        if isScarce { rig.disk.capacityByteCount = rig.disk.disk.allocatedByteCount + (11 << 19) }
        Self.look(rig)
        let state = isScarce ? "pressure" : "normal"
        #expect(try Self.storage(rig, client) == state)

        let before = try Self.number("snapshots", rig, client)
        // Some four halves of a segment; a snapshot is usually due after eight segments.
        for _ in 1...32 {
            let jobs = Array(repeating: Self.payload, count: 16)
            #expect(try Self.ask(rig, client, RigClient.enqueue(jobs, to: "q")).refusal == nil)
            rig.pass(milliseconds: 20)
        }
        #expect(try Self.storage(rig, client) == state)
        let afterWork = try Self.number("snapshots", rig, client)
        if isScarce { #expect(afterWork >= before + 3) } else { #expect(afterWork == before) }

        #expect(try Self.drain(rig, client) == 512)
        let segmentCount = try Self.number("segments", rig, client)
        let afterDrain = try Self.number("snapshots", rig, client)
        // Less than the five seconds after which any broker without work gives space back.
        for _ in 1...40 { rig.pass(milliseconds: 100) }
        if isScarce {
            #expect(try Self.number("snapshots", rig, client) > afterDrain)
            #expect(try Self.number("segments", rig, client) < segmentCount)
        } else {
            #expect(try Self.number("snapshots", rig, client) == afterDrain)
            #expect(try Self.number("segments", rig, client) == segmentCount)
        }
    }
}
