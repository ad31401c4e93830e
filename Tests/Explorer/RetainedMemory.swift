import Glibc

/// A store is opened and dropped some thousand times a second: without this the C library would give
/// its memory back to the system each time, and take it again.
package enum RetainedMemory {
    private static let trimThreshold: CInt = -1
    private static let topPad: CInt = -2
    private static let mapThreshold: CInt = -3

    /// To be called before the first thread is made.
    package static func begin() {
        typealias Setting = @convention(c) (_ parameter: CInt, _ value: CInt) -> CInt
        // `mallopt` is no part of the Glibc module; where there is none it is slower.
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let set = unsafeBitCast(symbol, to: Setting.self)
        _ = set(mapThreshold, 1 << 26)
        _ = set(trimThreshold, 1 << 28)
        _ = set(topPad, 1 << 22)
    }
}
