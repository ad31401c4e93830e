/// The line in which a terminal shows how far a long command has come.
package enum ProgressLine {
    /// - Parameters:
    ///   - done: a part of `total`.
    ///   - total: 0 where it is not known; then there is no bar.
    ///   - note: what stands behind the bar.
    /// - Returns: at most `width` characters.
    package static func text(done: Int, total: Int, note: String, width: Int) -> String {
        guard total > 0 else { return String(note.prefix(max(width, 0))) }
        let fraction = min(max(Double(done) / Double(total), 0), 1)
        let percent = "\(Int(fraction * 100))%"
        let tail = String(repeating: " ", count: 4 - percent.count) + percent + "  " + note
        let cellCount = min(40, width - tail.count - 3)
        guard cellCount >= 5 else { return String(tail.prefix(max(width, 0))) }
        let full = Int(fraction * Double(cellCount))
        return "[" + String(repeating: "#", count: full)
            + String(repeating: " ", count: cellCount - full) + "]" + tail
    }
}
