internal import Glibc

/// One line on standard error that is drawn over itself; on anything but a terminal a line for each
/// tenth of the way.
struct ProgressBar {
    private let total: Int
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var drawnTenth = -1
    private var drawnText = ""

    init(total: Int) {
        self.total = total
    }

    mutating func show(_ done: Int, note: String = "") {
        let share = total == 0 ? 1 : Double(done) / Double(total)
        guard isTerminal else {
            let tenth = Int(share * 10)
            if tenth > drawnTenth {
                drawnTenth = tenth
                say("\(done) of \(total) \(note)\n")
            }
            return
        }
        let width = 40
        let filled = Int(share * Double(width))
        let bar =
            String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
        let text = "\(bar) \(done)/\(total) \(note)"
        if text != drawnText {
            drawnText = text
            say("\r\u{1B}[K" + text)
        }
    }

    /// Writes a line above the bar.
    mutating func announce(_ line: String) {
        say(isTerminal ? "\r\u{1B}[K\(line)\n" : "\(line)\n")
        drawnText = ""
    }

    func finish() {
        if isTerminal { say("\n") }
    }

    private func say(_ text: String) {
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}
