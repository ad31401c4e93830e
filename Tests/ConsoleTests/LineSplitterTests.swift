internal import HoldfastConsole
internal import Testing

@Suite struct LineSplitterTests {
    @Test("the same lines wherever the pieces are cut", arguments: 1...14)
    func pieces(byteCount: Int) async {
        let bytes = Array("ab\n\ncde\r\nfgh\ni".utf8)
        var splitter = LineSplitter(byteCountMax: 4)
        var lines: [String] = []
        for start in stride(from: 0, to: bytes.count, by: byteCount) {
            let overlong = await splitter.feed(bytes[start..<min(start + byteCount, bytes.count)]) {
                lines.append("\($0) \(String(decoding: $1, as: UTF8.self))")
            }
            #expect(overlong == nil)
        }
        #expect(splitter.lineNumber == 5)
        lines.append(String(decoding: splitter.finish() ?? [], as: UTF8.self))
        #expect(lines == ["1 ab", "2 ", "3 cde\r", "4 fgh", "i"])
        #expect(splitter.finish() == nil)
    }

    @Test("a line that is too long is named before it is held", arguments: [1, 3, 100])
    func overlong(byteCount: Int) async {
        let bytes = Array("ab\nabcdefgh\nab\n".utf8)
        var splitter = LineSplitter(byteCountMax: 4)
        var found: LineSplitter.Overlong?
        var lineCount = 0
        for start in stride(from: 0, to: bytes.count, by: byteCount) where found == nil {
            let piece = bytes[start..<min(start + byteCount, bytes.count)]
            found = await splitter.feed(piece) { _, _ in lineCount += 1 }
        }
        #expect(found?.lineNumber == 2)
        #expect(lineCount == 1)
    }
}
