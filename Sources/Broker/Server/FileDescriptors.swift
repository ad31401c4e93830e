internal import Glibc

/// The process's file descriptors: connections may take most of them and never the last, since the
/// log needs some for its segments.
enum FileDescriptors {
    /// Kept for segments, sidecars, directories, threads and the connections that are turned away.
    private static let reservedCount = 128

    /// Raises the limit as far as this process may, and says how many connections it is good for.
    static func connectionCountMax(wanted: Int) -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return wanted }
        let needed = rlim_t(wanted + reservedCount)
        if limit.rlim_cur < needed {
            limit.rlim_cur = min(limit.rlim_max, needed)
            setrlimit(resource, &limit)
            getrlimit(resource, &limit)
        }
        return max(1, min(wanted, Int(clamping: limit.rlim_cur) - reservedCount))
    }
}
