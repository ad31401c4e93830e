/// Cuts a stream of bytes into lines, holding no more than one line and one piece.
package struct LineSplitter {
    /// A line longer than the splitter was told to hold.
    package struct Overlong: Error, Hashable, Sendable {
        /// Counts from 1.
        package let lineNumber: Int
    }

    private let byteCountMax: Int
    private var rest: [UInt8] = []
    /// Of the line that comes next; counts from 1.
    package private(set) var lineNumber = 1

    package init(byteCountMax: Int) {
        self.byteCountMax = byteCountMax
    }

    /// Hands every line that ends within `piece` to `body`, without its line end.
    package mutating func feed<Failure: Error>(
        _ piece: ArraySlice<UInt8>,
        _ body: (_ lineNumber: Int, _ line: ArraySlice<UInt8>) async throws(Failure) -> Void
    ) async throws(Failure) -> Overlong? {
        var piece = piece
        while let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
            let line: ArraySlice<UInt8>
            if rest.isEmpty {
                line = piece[..<end]
            } else {
                line = (rest + piece[..<end])[...]
                rest.removeAll(keepingCapacity: true)
            }
            guard line.count <= byteCountMax else { return Overlong(lineNumber: lineNumber) }
            try await body(lineNumber, line)
            lineNumber += 1
            piece = piece[(end + 1)...]
        }
        guard rest.count + piece.count <= byteCountMax else {
            return Overlong(lineNumber: lineNumber)
        }
        rest += piece
        return nil
    }

    /// What stands behind the last line end; nil where nothing does.
    package mutating func finish() -> ArraySlice<UInt8>? {
        guard !rest.isEmpty else { return nil }
        defer { rest = [] }
        return rest[...]
    }
}
