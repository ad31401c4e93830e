internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// What a device may hold when the power goes at a moment: all that was written before the last flush,
/// and of the writes since then whatever the disk pleases.
struct PowerLoss {
    enum Unflushed: CaseIterable {
        case none
        case all
        /// Each sector or not.
        case some
    }

    /// The power went when this record's request had come and nothing of it was done.
    let index: Int
    let unflushed: Unflushed
    let seed: UInt64
}

/// Makes the device's content after power losses, of which each is later than the one before.
final class BlockReplay {
    private let log: BlockLog
    private let base: String
    private let file: Int32
    private var appliedCount = 0

    /// - Parameter base: what the device held at first; changed with each state.
    init(_ log: BlockLog, on base: String) throws {
        self.log = log
        self.base = base
        file = open(base, O_RDWR | O_CLOEXEC)
    }

    deinit {
        close(file)
    }

    /// When it was, in ns as histories have it.
    func moment(of loss: PowerLoss) -> UInt64 { log.records[loss.index].nanoseconds }

    /// - Returns: a new image.
    func image(after loss: PowerLoss) async throws -> String {
        let flush =
            log.records[..<loss.index].lastIndex { $0.kind == .flush && $0.error == 0 } ?? 0
        while appliedCount < flush {
            try log.apply(log.records[appliedCount], to: file)
            appliedCount += 1
        }
        let path = "\(base).\(loss.index)"
        try await Command.run(["cp", "--sparse=auto", base, path])
        guard loss.unflushed != .none else { return path }
        let image = open(path, O_RDWR | O_CLOEXEC)
        defer { close(image) }
        var random = SeededRandom(seed: loss.seed)
        for record in log.records[flush..<loss.index] {
            try log.apply(record, to: image) {
                loss.unflushed == .all || random.chance(50)
            }
        }
        return path
    }

    /// Makes of the base what the device held at its end.
    func applyAll() throws {
        for record in log.records[appliedCount...] { try log.apply(record, to: file) }
        appliedCount = log.records.count
    }
}

extension [HistoryEvent] {
    /// What of it clients would have seen if everything had ended at a moment: answers that came later
    /// never came, and what was being done to the broker was over.
    func cut(at nanoseconds: UInt64) -> [HistoryEvent] {
        compactMap { event in
            guard event.invoked <= nanoseconds else { return nil }
            guard let responded = event.responded, responded > nanoseconds else { return event }
            var event = event
            if case .fault = event.operation {
                event.responded = nanoseconds
                return event
            }
            event.responded = nil
            event.outcome = .unknown
            switch event.operation {
            case .deliver, .look: return nil
            case .enqueue(_, let queue, let content, let delay, let attempts, let key):
                event.operation = .enqueue(
                    job: nil, queue: queue, content: content, delayMilliseconds: delay,
                    attemptCountMax: attempts, key: key)
            default: break
            }
            return event
        }
    }
}
