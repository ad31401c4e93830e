/// Rows with aligned columns for people. The rows may come in several parts, so that a long list is
/// never held whole: the first part and the titles decide how wide the columns are.
package struct Table {
    package struct Column: Sendable {
        package let title: String
        package let isNumber: Bool

        /// Text, aligned to the left.
        package static func text(_ title: String) -> Column { .init(title: title, isNumber: false) }
        /// A number, aligned to the right.
        package static func number(_ title: String) -> Column {
            .init(title: title, isNumber: true)
        }
    }

    private let columns: [Column]
    private var widths: [Int] = []

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    /// The lines of these rows, each with its line end; the titles go before the first of them.
    ///
    /// - Parameter rows: each with a cell for every column. What could harm a terminal is escaped.
    package mutating func lines(_ rows: [[String]]) -> String {
        guard !rows.isEmpty else { return "" }
        let rows = rows.map { $0.map { Escape.line($0) } }
        var text = ""
        if widths.isEmpty {
            widths = columns.indices.map { column in
                rows.reduce(columns[column].title.count) { max($0, $1[column].count) }
            }
            text = line(columns.map(\.title))
        }
        for row in rows { text += line(row) }
        return text
    }

    private func line(_ cells: [String]) -> String {
        precondition(cells.count == columns.count, "a row has a cell for every column")
        var text = ""
        for (position, cell) in cells.enumerated() {
            if position > 0 { text += "  " }
            let space = String(repeating: " ", count: max(0, widths[position] - cell.count))
            text += columns[position].isNumber ? space + cell : cell + space
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }
}

extension Table {
    /// Names and what belongs to them, one a line: for a single thing of which much is to be said.
    package static func list(_ entries: [(name: String, value: String)]) -> String {
        let width = entries.reduce(0) { max($0, $1.name.count) }
        var text = ""
        for (name, value) in entries {
            let space = String(repeating: " ", count: width - name.count)
            var line = Escape.line(name) + space + "  " + Escape.line(value)
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}
