internal import Glibc

/// Repeats a transfer until all of it is done, as `read(2)` and `write(2)` allow themselves to stop
/// half way.
package enum Transfer {
    /// - Parameter step: moves bytes from position `done` on and returns how many, 0 at the end of
    ///   the file, or the kernel's error number as a negative value.
    /// - Returns: the bytes moved, and the error that ended it, if one did.
    package static func run(
        byteCount: Int, _ step: (_ done: Int) -> Int
    ) -> (done: Int, code: Int32?) {
        var done = 0
        while done < byteCount {
            let result = step(done)
            if result > 0 {
                done += result
            } else if result == 0 {
                break
            } else if -result != Int(EINTR) {
                return (done, Int32(-result))
            }
        }
        return (done, nil)
    }

    /// What a call of the kernel's returned: a count, or the error number as a negative value.
    static func result(_ returned: Int) -> Int {
        returned >= 0 ? returned : -Int(errno)
    }
}
