/// What a job of one kind is told, as a type: encoded as JSON into the payload, and handed to the
/// handler that is registered for it.
///
/// ```swift
/// struct Resize: JobParameters {
///     static let kind = "resize"
///     var path: String
///     var width: Int
/// }
/// ```
public protocol JobParameters: Codable, Sendable {
    /// The name by which the handler is found, of at most 255 bytes. It lies in stored jobs: do not
    /// change it while there are any.
    static var kind: String { get }
}
