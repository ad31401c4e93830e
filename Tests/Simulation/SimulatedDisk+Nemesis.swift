// Changes behind everybody's back.
extension SimulatedDisk {
    package func contents(_ path: String) -> [UInt8]? {
        file(path).map { file in
            inodes[file]!.current.read(at: 0, count: inodes[file]!.current.byteCount)
        }
    }

    /// Every file by its path.
    package var files: [String] {
        var paths: [String] = []
        for (directory, content) in directories {
            for case (let name, .file) in content.current {
                paths.append(directory.isEmpty ? name : "\(directory)/\(name)")
            }
        }
        return paths.sorted()
    }

    /// Changes bytes behind everybody's back, in the cache and on the disk: rot, a foreign write.
    package mutating func corrupt(_ path: String, at offset: Int, with bytes: [UInt8]) {
        guard let file = file(path) else { return }
        _ = inodes[file]!.current.write(bytes, at: offset)
        _ = inodes[file]!.durable.write(bytes, at: offset)
    }

    package mutating func flipBit(_ path: String, at offset: Int, bit: Int) {
        let byte = contents(path)![offset]
        corrupt(path, at: offset, with: [byte ^ (1 << bit)])
    }

    /// Changes a file of a store and puts its checksums right: what no checksum gives away.
    package mutating func forge(_ path: String, _ change: (inout [UInt8]) -> Void) {
        guard var bytes = contents(path) else { return }
        change(&bytes)
        ChecksumRepair.repair(path, &bytes)
        place(path, bytes)
    }

    package mutating func truncate(_ path: String, to byteCount: Int) {
        guard let file = file(path) else { return }
        inodes[file]!.current.resize(to: byteCount)
        inodes[file]!.durable.resize(to: byteCount)
    }

    /// Removes a file, on the disk too.
    package mutating func delete(_ path: String) {
        let (directory, name) = Self.split(path)
        directories[directory]?.current[name] = nil
        directories[directory]?.durable[name] = nil
    }

    /// Makes a file, on the disk too; replaces one that is there.
    package mutating func place(_ path: String, _ bytes: [UInt8]) {
        delete(path)
        let before = pendingOperations
        let file = createFile(path)
        let (directory, name) = Self.split(path)
        directories[directory]!.durable[name] = .file(file)
        pendingOperations = before
        write(file, bytes, at: 0)
        sync(file)
    }
}
