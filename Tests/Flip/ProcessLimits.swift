import Glibc

/// What the process may take, and what it says where it ends by a trap.
enum ProcessLimits {
    /// A damaged length that is believed asks for more than this, and then the process ends.
    private static let addressSpaceByteCountMax: UInt = 4 << 30

    static func limitMemory() {
        var limit = rlimit(
            rlim_cur: rlim_t(addressSpaceByteCountMax), rlim_max: rlim_t(addressSpaceByteCountMax))
        _ = setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    }

    static var peakMebibytes: Int {
        var usage = rusage()
        _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1_024
    }
}
