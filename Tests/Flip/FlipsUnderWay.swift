import Glibc

/// Which flip each thread is at, where a signal handler can read it: a trap in what is tested ends
/// the process, and then one of these lines repeats it.
enum FlipsUnderWay {
    static let threadCountMax = 8
    nonisolated(unsafe) private static let numbers: UnsafeMutablePointer<Int> = {
        let numbers = UnsafeMutablePointer<Int>.allocate(capacity: threadCountMax)
        numbers.initialize(repeating: -1, count: threadCountMax)
        return numbers
    }()
    /// Ends with a zero; the line up to the number.
    nonisolated(unsafe) private static var prefix: UnsafeMutablePointer<CChar>?

    /// - Parameter prefix: the beginning of the command that repeats a flip.
    static func watch(_ prefix: String) {
        self.prefix = strdup(prefix)
        numbers.update(repeating: -1, count: threadCountMax)
        for trap in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
            signal(trap) { trap in
                FlipsUnderWay.show()
                signal(trap, SIG_DFL)
                raise(trap)
            }
        }
    }

    static func note(_ number: Int, thread: Int) {
        numbers[thread] = number
    }

    /// Only calls that a signal handler may make.
    private static func show() {
        guard let prefix else { return }
        for thread in 0..<threadCountMax where numbers[thread] >= 0 {
            write("a trap, perhaps in: ")
            _ = Glibc.write(1, prefix, strlen(prefix))
            write(" FROM=")
            write(numbers[thread])
            write(" TO=")
            write(numbers[thread])
            write("\n")
        }
    }

    private static func write(_ text: StaticString) {
        _ = Glibc.write(1, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func write(_ number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(48 + number / divisor % 10)
            _ = Glibc.write(1, &digit, 1)
            divisor /= 10
        }
    }
}
