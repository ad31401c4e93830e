extension PageFailure: CustomStringConvertible {
    /// Whether the disk did not answer: then nothing is known to be wrong with the page.
    package var isReadError: Bool { fault == .unreadable }

    package var description: String {
        "page \(reference.number) of the state (\(kind)): \(fault)"
    }
}

extension PageFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable: "the disk did not answer"
        case .unused: "a number that holds no page"
        case .foreign: "there is no page"
        case .checksum: "its checksum is wrong"
        case .number(let number): "it is page \(number), from another place"
        case .stamp(let stamp):
            "it is another writing of the page (\(stamp >> 40)/\(stamp & (1 << 40 - 1)))"
        case .kind(let kind): "it is of kind \(kind)"
        case .owner(let owner): "it belongs to \(owner)"
        case .illFormed: "its counts contradict each other"
        }
    }
}
