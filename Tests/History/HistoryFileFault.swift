/// A history that cannot be written or read.
package enum HistoryFileFault: Error, CustomStringConvertible {
    /// A system call failed with that error number.
    case system(call: String, path: String, code: Int32)
    /// The file is no history, or another version's, or damaged.
    case unreadable(path: String, reason: String)

    package var description: String {
        switch self {
        case .system(let call, let path, let code): "\(call) \(path): error \(code)"
        case .unreadable(let path, let reason): "\(path) is no history: \(reason)"
        }
    }
}
