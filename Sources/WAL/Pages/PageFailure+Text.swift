extension PageFailure: CustomStringConvertible {
    /// Whether the disk did not answer: then nothing is known to be wrong with the page.
    package var isReadError: Bool { fault == .unreadable }

    /// What the pages say together, where each of them is whole.
    package static func contradiction(_ reason: String) -> PageFailure {
        PageFailure(reference: .none, kind: .leaf, owner: 0, fault: .contradiction(reason))
    }

    /// Whether each page is whole: then the program that wrote them is at fault, or the one that reads.
    package var isContradiction: Bool {
        if case .contradiction = fault { true } else { false }
    }

    package var description: String {
        isContradiction
            ? "\(fault)" : "page \(reference.number) of the state (\(kind)): \(fault)"
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
        case .contradiction(let reason): "the state contradicts itself: \(reason)"
        }
    }
}
