internal import Foundation

/// A fresh directory that goes when its last owner does.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// - Parameter parent: nil: TMPDIR, or else /tmp.
    package init(in parent: String? = nil) throws {
        let parent = parent ?? ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/holdfast-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestFault(
                "no directory can be made in \(parent): \(String(cString: strerror(errno)))")
        }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    package func path(of name: String) -> String { "\(path)/\(name)" }

    package func write(_ text: String, to name: String) throws -> String {
        let path = path(of: name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }
}

/// All of a directory at one moment: every file with its bytes, every directory, every mode. Only
/// LOCK is left out: it says who had the directory last, not what is in it.
package struct DirectoryContents: Equatable {
    private let entries: [String: String]

    package init(of directory: String) throws {
        var entries: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory)
        where name != "LOCK" {
            let path = "\(directory)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else {
                throw TestFault("\(path) went away while it was looked at")
            }
            var entry = "mode \(String(status.st_mode, radix: 8))"
            if status.st_mode & S_IFMT == S_IFREG {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                // FNV-1a, 64 bits (Fowler, Noll, Vo).
                var hash: UInt64 = 0xCBF2_9CE4_8422_2325
                for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                entry += ", \(bytes.count) bytes, hash \(String(hash, radix: 16))"
            }
            entries[name] = entry
        }
        self.entries = entries
    }

    /// What is not as it was, a line for each file; empty where all is.
    package func changes(since earlier: DirectoryContents) -> String {
        Set(entries.keys).union(earlier.entries.keys).sorted()
            .filter { entries[$0] != earlier.entries[$0] }
            .map { "\($0): \(earlier.entries[$0] ?? "absent") → \(entries[$0] ?? "absent")" }
            .joined(separator: "\n")
    }
}
