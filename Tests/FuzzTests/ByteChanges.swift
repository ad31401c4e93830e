internal import HoldfastHistory

/// Which bytes of a corpus are changed in one run of the tests, and how: as many of each input as its
/// length is of the whole, one at least, spread over it. One seed says which; another run has another,
/// so that what is too slow to be tried at once is tried in time.
struct ByteChanges {
    struct Change {
        let index: Int
        let mask: UInt8
    }

    /// Of all inputs together; up to one for each more where they are many.
    let count: Int
    let byteCount: Int
    let seed: UInt64

    /// - Parameter number: of the input, in the corpus' order.
    func changes(ofInput number: Int, byteCount own: Int) -> [Change] {
        guard own > 0 else { return [] }
        var random = SeededRandom(seed: seed &+ UInt64(number))
        let share = min(own, max(1, own * count / byteCount))
        return (0..<share).map { part in
            Change(
                index: Int.random(
                    in: own * part / share..<own * (part + 1) / share, using: &random),
                mask: UInt8.random(in: 1...0xFF, using: &random))
        }
    }
}
