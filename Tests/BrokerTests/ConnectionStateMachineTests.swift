internal import HoldfastBroker
internal import HoldfastModel
internal import Testing

@Suite struct ConnectionStateMachineTests {
    private func isExecuted(_ admission: ConnectionStateMachine.Admission) -> Bool {
        if case .execute = admission { true } else { false }
    }

    private func refusal(
        _ admission: ConnectionStateMachine.Admission
    ) -> (code: RefusalCode, closing: Bool)? {
        if case .refuse(let code, _, let closing) = admission { (code, closing) } else { nil }
    }

    @Test("a connection greets once, and first")
    func greeting() {
        var early = ConnectionStateMachine()
        let refused = refusal(early.received(isGreeting: false, inFlightMax: 4))
        #expect(refused?.code == .badRequest)
        #expect(refused?.closing == true)

        var state = ConnectionStateMachine()
        #expect(!state.isGreeted)
        #expect(isExecuted(state.received(isGreeting: true, inFlightMax: 4)))
        #expect(state.isGreeted)
        #expect(isExecuted(state.received(isGreeting: false, inFlightMax: 4)))
        let again = refusal(state.received(isGreeting: true, inFlightMax: 4))
        #expect(again?.code == .badRequest)
        #expect(again?.closing == true)
    }

    @Test("requests in flight beyond the announced number are refused, and the connection goes on")
    func inFlight() {
        var state = ConnectionStateMachine()
        #expect(isExecuted(state.received(isGreeting: true, inFlightMax: 2)))
        state.answered(1)
        #expect(isExecuted(state.received(isGreeting: false, inFlightMax: 2)))
        #expect(isExecuted(state.received(isGreeting: false, inFlightMax: 2)))
        let third = refusal(state.received(isGreeting: false, inFlightMax: 2))
        #expect(third?.code == .tooManyRequests)
        #expect(third?.closing == false)
        state.answered(3)
        #expect(state.inFlightCount == 0)
        #expect(isExecuted(state.received(isGreeting: false, inFlightMax: 2)))
    }
}
