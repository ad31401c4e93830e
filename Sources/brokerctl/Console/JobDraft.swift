/// A job as it was written on a command line or in a file, checked as far as that is possible
/// without a broker.
package struct JobDraft: Hashable, Sendable {
    package struct Header: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        /// Reads `NAME=VALUE`; nil where there is no name or no `=`.
        package init?(_ text: String) {
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                return nil
            }
            name = String(text[..<equals])
            value = String(text[text.index(after: equals)...])
        }
    }

    package var payload: [UInt8] = []
    package var kind = ""
    package var delayMilliseconds: Int64 = 0
    package var priority: UInt8 = 0
    /// nil: as the queue says.
    package var attempts: UInt32?
    package var headers: [Header] = []

    package init() {}
}
