internal import Dispatch
internal import Glibc
internal import Synchronization

/// What must not be left behind where the program is told to stop in the middle: processes and
/// directories that it made.
enum Interruption {
    private struct State {
        var cleanUps: [@Sendable () -> Void] = []
        var sources: [any DispatchSourceSignal] = []
    }

    private static let state = Mutex(State())

    /// Has `body` called when SIGINT, SIGTERM or SIGHUP comes, before the program ends with it. It may
    /// be called long after what it cleans up is gone, and must find nothing to do then.
    static func cleanUp(_ body: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.cleanUps.append(body)
            guard state.sources.isEmpty else { return }
            for number in [SIGINT, SIGTERM, SIGHUP] {
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(
                    signal: number, queue: .global())
                source.setEventHandler { end(by: number) }
                source.resume()
                state.sources.append(source)
            }
        }
    }

    private static func end(by number: Int32) {
        for body in state.withLock({ $0.cleanUps }) { body() }
        exit(128 + number)
    }
}
