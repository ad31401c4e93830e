// Disks as text, so that they can be fixtures which people can read and compare.
extension SimulatedDisk {
    /// A line for each file with its length, and one for each 32 bytes that are not all zero. Left out is
    /// what says nothing of a store: LOCK holds the process id, what waits in the pool is of no account, and a
    /// file without a byte only keeps a name.
    package var text: String {
        var lines: [String] = []
        for path in files where path != "LOCK" && !path.hasPrefix("pool/") {
            let bytes = contents(path) ?? []
            if bytes.isEmpty { continue }
            lines.append("\(path) \(bytes.count)")
            for offset in stride(from: 0, to: bytes.count, by: 32) {
                let part = bytes[offset..<min(offset + 32, bytes.count)]
                guard part.contains(where: { $0 != 0 }) else { continue }
                let digits = part.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                lines.append("\(offset): \(digits.joined())")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The disk that `text` says, with a store's directories; nil where it says none.
    package init?(text: String) {
        var files: [(path: String, bytes: [UInt8])] = []
        for line in text.split(separator: "\n") {
            if let colon = line.firstIndex(of: ":") {
                guard let offset = Int(line[..<colon]), !files.isEmpty else { return nil }
                let digits = Array(line[line.index(colon, offsetBy: 2)...].utf8)
                for position in stride(from: 0, to: digits.count, by: 2) {
                    let pair = String(decoding: digits[position..<position + 2], as: UTF8.self)
                    guard let byte = UInt8(pair, radix: 16) else { return nil }
                    files[files.count - 1].bytes[offset + position / 2] = byte
                }
            } else {
                let words = line.split(separator: " ")
                guard words.count == 2, let count = Int(words[1]) else { return nil }
                files.append((String(words[0]), [UInt8](repeating: 0, count: count)))
            }
        }
        let fileSystem = SimulatedFileSystem()
        for directory in ["log", "pool", "pages", "snap"] {
            try? fileSystem.makeDirectory(directory)
        }
        self = fileSystem.disk
        for (path, bytes) in files { place(path, bytes) }
    }
}
