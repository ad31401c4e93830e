internal import Glibc

/// The regular files below a directory, in the order of their names' bytes. Symbolic links are not
/// followed; what cannot be read is left out.
enum FileTree {
    /// - Parameter limit: after how many files to stop.
    /// - Throws: `FingerprintFault` where `directory` itself cannot be read.
    static func regularFiles(below directory: FileName, limit: Int = .max) throws -> [FileName] {
        var files: [FileName] = []
        // What is still to be looked at, the next one last.
        var waiting = [directory]
        while let name = waiting.popLast(), files.count < limit {
            var status = stat()
            // The given directory may be a link; below it links are left alone.
            let isRoot = name == directory
            guard name.withCString({ isRoot ? stat($0, &status) : lstat($0, &status) }) == 0 else {
                if isRoot { throw FingerprintFault.cannotRead(directory) }
                continue
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG where name.withCString({ access($0, R_OK) }) == 0: files.append(name)
            case S_IFDIR:
                guard let names = entries(of: name) else {
                    if isRoot { throw FingerprintFault.cannotRead(directory) }
                    continue
                }
                waiting.append(contentsOf: names.reversed().map(name.appending))
            default: continue
            }
        }
        return files
    }

    private static func entries(of directory: FileName) -> [[UInt8]]? {
        guard let stream = directory.withCString({ opendir($0) }) else { return nil }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
                    Array(UnsafeBufferPointer(start: bytes, count: strnlen(pointer, 256)))
                }
            }
            if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func strnlen(_ name: UnsafePointer<some Any>, _ limit: Int) -> Int {
        name.withMemoryRebound(to: CChar.self, capacity: limit) { Glibc.strnlen($0, limit) }
    }
}
