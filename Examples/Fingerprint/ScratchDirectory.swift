internal import Foundation

/// A fresh directory where `TMPDIR` says, or below /tmp.
struct ScratchDirectory {
    let path: String

    init() throws {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array((parent + "/holdfast-run-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw FingerprintFault(
                "cannot create a directory in \(parent): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
