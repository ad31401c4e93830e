internal import HoldfastClient

/// The first stage: fingerprint this file.
struct FingerprintJob: JobParameters {
    static let kind = "fingerprint"
    static let queue = "fingerprint"

    var file: FileName
}

/// The second stage: what a worker found.
struct FingerprintResult: JobParameters {
    static let kind = "fingerprint-result"
    static let queue = "fingerprint-results"

    var file: FileName
    /// In hexadecimal; nil where the file could not be read.
    var sha256: String?
    var byteCount: UInt64
    /// The number of the attempt that found it, from 1.
    var attempt: Int
    var worker: Int32

    /// Whether two workers found the same.
    func agrees(with other: FingerprintResult) -> Bool {
        sha256 == other.sha256 && byteCount == other.byteCount
    }
}
