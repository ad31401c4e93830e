internal import HoldfastDisk
internal import Synchronization

/// What comes back to the pool, and what goes back to the volume.
extension SegmentPool {
    /// Keeps a file whose headers are not certain, for another time; one of another length goes.
    func keep(_ candidate: Candidate) {
        guard candidate.header.byteCount == identity.segmentByteCount,
            let slash = candidate.path.lastIndex(of: "/")
        else {
            // What cannot be removed the next opening removes.
            try? fileSystem.remove(candidate.path)
            return
        }
        let name = String(candidate.path[candidate.path.index(after: slash)...])
        guard let kind = PoolFileKind(ofName: name), let number = kind.number(ofName: name) else {
            return
        }
        files.withLock { $0[kind].append(number) }
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
            let isNeeded = files.withLock {
                $0.count + raws.count < fileCountTarget + LogReserve.surplusCountMax
            }
            let name = takeName()
            if isNeeded, byteCount == identity.segmentByteCount,
                try hasRoomForName(of: segment, as: PoolFileKind.raw.path(name))
            {
                raws.append(name)
            } else {
                try fileSystem.remove(segment)
            }
        }
        try fileSystem.syncDirectory(DirectoryLayout.log)
        try fileSystem.syncDirectory(DirectoryLayout.pool)
        let found = raws
        files.withLock { files in
            files.raws += found
            // Whether the volume would refuse another is not known any more.
            if files.count >= fileCountTarget { files.isRefused = false }
        }
    }

    /// Renames a file; on some file systems a full volume has no room for a name.
    private func hasRoomForName(
        of path: String, as other: String
    ) throws(DiskError) -> Bool {
        do throws(DiskError) {
            try poolNames.rename(path, to: other)
            return true
        } catch {
            guard error.isNoSpace else { throw error }
            return false
        }
    }

    /// Removes the file that is of the least use, if there is one.
    func removeOne() throws(DiskError) {
        let found = files.withLock { files -> (kind: PoolFileKind, name: UInt64)? in
            for kind in PoolFileKind.allCases.reversed() {
                if let name = files[kind].popLast() { return (kind, name) }
            }
            return nil
        }
        guard let (kind, name) = found else { return }
        try fileSystem.remove(kind.path(name))
    }

    /// Removes what is more than will be needed, and files of another length.
    func trim() throws(DiskError) {
        let found = files.withLock { $0 }
        var left = Files(ready: found.ready, nextName: found.nextName)
        for kind in PoolFileKind.allCases {
            for name in found[kind] {
                let path = kind.path(name)
                let byteCount = try fileSystem.openFile(path, for: .reading).byteCount()
                if byteCount == identity.segmentByteCount, left.count < fileCountTarget {
                    left[kind].append(name)
                } else {
                    try fileSystem.remove(path)
                }
            }
        }
        let result = left
        files.withLock { $0 = result }
    }
}
