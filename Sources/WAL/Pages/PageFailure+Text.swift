extension PageFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .page(let reference, let kind, let fault):
            "page \(reference.number) of the state (\(kind)): \(fault)"
        case .contradiction(let reason): "the state contradicts itself: \(reason)"
        }
    }
}

extension PageFault: CustomStringConvertible {
    /// What is wrong with the page, in words.
    package var description: String {
        switch self {
        case .unreadable: "the disk does not answer"
        case .unused: "it is referred to, and not in use"
        case .foreign: "there is no page"
        case .checksum: "it does not match its checksum"
        case .number(let number): "there is page \(number) in its place"
        case .stamp(let stamp):
            "it is another writing than the one referred to "
                + "(\(stamp >> 40)/\(stamp & (1 << 40 - 1)))"
        case .kind(let kind): "it is of another kind than it should be (\(kind))"
        case .owner(let owner): "it belongs elsewhere (owner \(owner))"
        case .illFormed: "what stands in it contradicts itself"
        }
    }
}
