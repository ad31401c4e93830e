internal import HoldfastConsole
internal import Testing

@Suite struct TableTests {
    @Test("columns are as wide as the widest cell, numbers stand to the right")
    func layout() {
        var table = Table([.text("QUEUE"), .number("READY"), .text("STATE")])
        let lines = table.lines([["emails", "3", "ok"], ["a", "1234567", ""]])
        #expect(
            lines == """
                QUEUE     READY  STATE
                emails        3  ok
                a       1234567

                """)
    }

    @Test("later rows follow the layout of the first ones, without titles")
    func parts() {
        var table = Table([.text("JOB"), .text("STATE")])
        #expect(table.lines([["abc", "ready"]]) == "JOB  STATE\nabc  ready\n")
        #expect(table.lines([["d", "x"], ["longer", "x"]]) == "d    x\nlonger  x\n")
    }

    @Test("no rows, no titles")
    func empty() {
        var table = Table([.text("JOB")])
        #expect(table.lines([]) == "")
    }

    @Test("what could harm the terminal or the layout is escaped")
    func escapes() {
        var table = Table([.text("NAME")])
        #expect(table.lines([["a\u{1B}[31m\nb"]]) == "NAME\na\\u{1b}[31m\\nb\n")
    }

    @Test("a list aligns what belongs to the names")
    func list() {
        #expect(
            Table.list([("job", "1"), ("priority", "2"), ("kind", "")]) == """
                job       1
                priority  2
                kind

                """)
    }
}

@Suite struct EscapeTests {
    @Test("text that is harmless stays")
    func harmless() {
        #expect(Escape.line("Grüße, 😀 \\ \"x\"") == "Grüße, 😀 \\ \"x\"")
        #expect(Escape.line(Array("Grüße, 😀".utf8)) == "Grüße, 😀")
    }

    @Test("control characters and turns of direction are named")
    func harmful() {
        #expect(Escape.line("a\r\n\t\u{07}\u{9B}\u{202E}") == #"a\r\n\t\u{7}\u{9b}\u{202e}"#)
    }

    @Test("bytes that are not UTF-8 are shown as bytes")
    func bytes() {
        #expect(Escape.line([0x61, 0xFF, 0xC3, 0x28, 0xE2, 0x82]) == #"a\xff\xc3(\xe2\x82"#)
    }

    @Test("a long text is cut and says how long it is")
    func cut() {
        let bytes = Array("ééééé".utf8)
        #expect(Escape.line(bytes, characterCountMax: 3) == "ééé… (10 bytes)")
        #expect(Escape.line(bytes, characterCountMax: 5) == "ééééé")
    }
}

@Suite struct ProgressLineTests {
    @Test("the bar fills and never exceeds its width")
    func bar() {
        #expect(
            ProgressLine.text(done: 1, total: 2, note: "7 jobs", width: 27)
                == "[######      ] 50%  7 jobs")
        for done in [0, 1, 99, 100, 200] {
            for width in 0...80 {
                let text = ProgressLine.text(done: done, total: 100, note: "x", width: width)
                #expect(text.count <= width)
            }
        }
    }

    @Test("without a known total there is only the note")
    func noTotal() {
        #expect(ProgressLine.text(done: 5, total: 0, note: "5 jobs", width: 80) == "5 jobs")
    }
}

@Suite struct CountedTests {
    @Test("one is singular, everything else plural")
    func counted() {
        #expect(HoldfastConsole.counted(1, "job") == "1 job")
        #expect(HoldfastConsole.counted(0, "job") == "0 jobs")
        #expect(HoldfastConsole.counted(2, "index", "indices") == "2 indices")
    }
}
