internal import HoldfastDisk
internal import Synchronization

/// What comes back to the pool, and what goes back to the volume.
extension SegmentPool {
    /// Keeps a file whose headers are not certain, for another time.
    func keep(_ candidate: Candidate) {
        guard candidate.header.byteCount == identity.segmentByteCount,
            let slash = candidate.path.lastIndex(of: "/")
        else { return }
        let name = String(candidate.path[candidate.path.index(after: slash)...])
        spares.withLock { spares in
            if let number = DirectoryLayout.number(ofName: name, ending: ".spare") {
                spares.spares.append(number)
            } else if let number = DirectoryLayout.number(ofName: name, ending: ".raw") {
                spares.raws.append(number)
            }
        }
    }

    /// Takes segments out of the log. Their names are gone from there, durably, before any byte of
    /// them changes; nobody may be reading them any more. Their sidecars go with them, and so do the
    /// files that will not be needed.
    ///
    /// - Parameter compacted: paths of compacted ones, which are of no use to the pool.
    func recycle(_ numbers: [UInt64], compacted: [String] = []) throws(DiskError) {
        if numbers.isEmpty, compacted.isEmpty { return }
        for path in compacted { try fileSystem.remove(path) }
        var raws: [UInt64] = []
        for number in numbers {
            let segment = DirectoryLayout.segment(number)
            try SidecarFile.remove(number, in: fileSystem)
            let byteCount = try fileSystem.openFile(segment, for: .reading).byteCount()
            let isNeeded = spares.withLock { $0.count + raws.count < Self.fileCountMax }
            if isNeeded, byteCount == identity.segmentByteCount {
                let name = takeName()
                try fileSystem.rename(segment, to: Self.path(name, ".raw"))
                raws.append(name)
            } else {
                try fileSystem.remove(segment)
            }
        }
        try fileSystem.syncDirectory(DirectoryLayout.log)
        try fileSystem.syncDirectory(DirectoryLayout.pool)
        let found = raws
        spares.withLock { $0.raws += found }
    }

    /// Removes what is more than will be needed, and files of another length.
    func trim() throws(DiskError) {
        let found = spares.withLock { $0 }
        var kept = 0
        var remove: [String] = []
        var left = Spares(ready: found.ready, nextName: found.nextName)
        for name in found.spares {
            let file = try fileSystem.openFile(Self.path(name, ".spare"), for: .reading)
            let fits = try file.byteCount() == identity.segmentByteCount
            if fits, kept < Self.fileCountMax {
                kept += 1
                left.spares.append(name)
            } else {
                remove.append(Self.path(name, ".spare"))
            }
        }
        for name in found.raws {
            let file = try fileSystem.openFile(Self.path(name, ".raw"), for: .reading)
            let fits = try file.byteCount() == identity.segmentByteCount
            if fits, kept < Self.fileCountMax {
                kept += 1
                left.raws.append(name)
            } else {
                remove.append(Self.path(name, ".raw"))
            }
        }
        for path in remove { try fileSystem.remove(path) }
        let result = left
        spares.withLock { $0 = result }
    }
}
