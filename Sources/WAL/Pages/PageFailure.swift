/// What is wrong with a page.
package enum PageFault: Error, Equatable, Sendable {
    /// The disk did not answer.
    case unreadable
    /// The reference leads to a number that holds no page.
    case unused
    /// There is no page: the magic number is missing.
    case foreign
    /// Bits have changed, or it is another store's page.
    case checksum
    /// A page that belongs elsewhere: a misdirected write or read.
    case number(UInt32)
    /// Another writing of the page than the one referred to: a lost write or a stale page.
    case stamp(UInt64)
    case kind(UInt16)
    case owner(UInt64)
    /// Counts or offsets in it contradict each other.
    case illFormed
}

/// Why nothing that is computed from a space's pages may leave.
package enum PageFailure: Error, Equatable, Sendable {
    /// The first page that could not be read or was not what it should be.
    case page(PageReference, PageKind, PageFault)
    /// Each page is whole; what they say together cannot be, as this sentence says. Then the program
    /// that wrote them is at fault, or the one that reads.
    case contradiction(String)

    /// Whether the disk did not answer: then nothing is known to be wrong with the page.
    package var isReadError: Bool { fault == .unreadable }

    package var isContradiction: Bool {
        if case .contradiction = self { true } else { false }
    }

    /// Which page; nil for a contradiction.
    package var reference: PageReference? {
        if case .page(let reference, _, _) = self { reference } else { nil }
    }

    /// What is wrong with it; nil for a contradiction.
    package var fault: PageFault? {
        if case .page(_, _, let fault) = self { fault } else { nil }
    }
}
