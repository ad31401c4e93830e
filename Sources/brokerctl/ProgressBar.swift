internal import Glibc
internal import HoldfastConsole

/// Shows on standard error how far a command has come, where that is a terminal.
final class ProgressBar {
    private static let interval = Duration.milliseconds(100)

    /// 0 where it is not known.
    private let total: Int
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var lastShown: ContinuousClock.Instant?
    private var isShown = false

    init(total: Int) {
        self.total = total
    }

    func show(done: Int, note: String) {
        guard isTerminal else { return }
        let now = ContinuousClock.now
        if let lastShown, now - lastShown < Self.interval { return }
        lastShown = now
        isShown = true
        let text = ProgressLine.text(done: done, total: total, note: note, width: Self.width - 1)
        Output.writeError("\r\u{1B}[K" + text)
    }

    /// Makes room for other output.
    func clear() {
        guard isShown else { return }
        isShown = false
        Output.writeError("\r\u{1B}[K")
    }

    private static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
