package import HoldfastModel

/// Why bytes from the other side were not taken. Nothing of the frame has been executed.
package struct WireFault: Error, Hashable, Sendable {
    package let code: RefusalCode
    /// A sentence for the person who reads the refusal.
    package let message: String

    package init(_ code: RefusalCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the connection ends after the refusal: where the other side cannot be trusted to
    /// lay out the next frame any better, or where the next frame cannot be found.
    package var closesConnection: Bool {
        switch code {
        case .badRequest, .frameTooLarge, .unsupportedVersion: true
        default: false
        }
    }

    static let cutShort = WireFault(.badRequest, "the frame ends before what it should hold")
    static let tooLong = WireFault(.badRequest, "the frame goes on after what it should hold")
    static let reservedBytes = WireFault(.badRequest, "reserved bytes and flags must be zero")
}
