package import HoldfastModel

/// A verb was turned down and has changed nothing.
package struct Refusal: Error, Hashable, Sendable {
    package let code: RefusalCode
    /// What is wrong and what to do, for a person.
    package let message: String
    /// When the same request may succeed, in milliseconds from now; 0 where waiting does not help.
    package let retryAfterMilliseconds: UInt32

    package init(code: RefusalCode, message: String, retryAfterMilliseconds: UInt32 = 0) {
        self.code = code
        self.message = message
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}
