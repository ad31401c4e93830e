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
    /// No single page is at fault: what they say together cannot be, as this sentence says.
    case contradiction(String)
}

/// The first page that could not be read or was not what it should be.
package struct PageFailure: Error, Equatable, Sendable {
    package let reference: PageReference
    package let kind: PageKind
    package let owner: UInt64
    package let fault: PageFault
}
