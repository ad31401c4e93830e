internal import Foundation
internal import Synchronization

/// A thread that does the same again and again until it is stopped.
final class RepeatingThread: Sendable {
    private let isStopping = Atomic(false)
    private let fault = Mutex<(any Error)?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter makeStep: called once on the thread, which then calls what it returned. Throwing
    ///   ends the thread.
    init(_ makeStep: @escaping @Sendable () throws -> () throws -> Void) {
        let thread = Thread { [self] in
            do {
                let step = try makeStep()
                while !isStopping.load(ordering: .acquiring) { try step() }
            } catch {
                fault.withLock { $0 = error }
            }
            ended.signal()
        }
        thread.start()
    }

    /// - Throws: what has ended the thread, if anything has.
    func check() throws {
        if let fault = fault.withLock({ $0 }) { throw fault }
    }

    /// Waits until the step that is being done is over.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        ended.wait()
        ended.signal()
    }
}
