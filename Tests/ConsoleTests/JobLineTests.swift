internal import HoldfastConsole
internal import Testing

@Suite struct JobLineTests {
    private func read(_ line: String, defaults: JobDraft = JobDraft()) throws -> JobDraft? {
        try JobLine.read(ArraySlice(Array(line.utf8)), defaults: defaults)
    }

    private func payload(_ line: String) throws -> String? {
        try read(line).map { String(decoding: $0.payload, as: UTF8.self) }
    }

    @Test(
        "a string is the payload itself, everything else passes on as it is written",
        arguments: [
            (#"{"payload":"hello"}"#, "hello"),
            (#"{"payload":""}"#, ""),
            (#"{"payload":"a\"b\\c\/\b\f\n\r\té€"}"#, "a\"b\\c/\u{08}\u{0C}\n\r\té€"),
            (#"{"payload":"😀"}"#, "😀"),
            (#"{"payload":{"b": 1.0, "a":[1,  2e+3]}}"#, #"{"b": 1.0, "a":[1,  2e+3]}"#),
            (#" { "payload" : [ ] } "#, "[ ]"),
            (#"{"payload":-0.50}"#, "-0.50"),
            (#"{"payload":true}"#, "true"),
            (#"{"payload":null}"#, "null"),
            (#"{"payload":{"a":1,"a":2}}"#, #"{"a":1,"a":2}"#),
        ])
    func payloads(line: String, expected: String) throws {
        #expect(try payload(line) == expected)
    }

    @Test("bytes that are no text come as base64")
    func base64() throws {
        #expect(try read(#"{"payload_base64":"/wD+"}"#)?.payload == [0xFF, 0x00, 0xFE])
    }

    @Test("all options by their long names")
    func options() throws {
        let draft = try #require(
            try read(
                #"{"payload":"x","kind":"resize","delay":"5m","priority":9,"attempts":3,"#
                    + #""header":{"trace":"a=b","lang":"de"}}"#))
        #expect(draft.kind == "resize")
        #expect(draft.delayMilliseconds == 300_000)
        #expect(draft.priority == 9)
        #expect(draft.attempts == 3)
        #expect(
            draft.headers == [
                .init(name: "trace", value: "a=b"), .init(name: "lang", value: "de"),
            ])
    }

    @Test("headers may also be written as on the command line")
    func headerForms() throws {
        let one = [JobDraft.Header(name: "a", value: "1=2")]
        #expect(try read(#"{"payload":1,"header":"a=1=2"}"#)?.headers == one)
        #expect(
            try read(#"{"payload":1,"header":["a=1=2","b="]}"#)?.headers
                == one + [.init(name: "b", value: "")])
    }

    @Test("what a line does not say holds as on the command line")
    func defaults() throws {
        var defaults = JobDraft()
        defaults.kind = "resize"
        defaults.priority = 4
        defaults.headers = [.init(name: "a", value: "1")]
        let draft = try read(#"{"payload":"x","priority":5}"#, defaults: defaults)
        #expect(draft?.kind == "resize")
        #expect(draft?.priority == 5)
        #expect(draft?.headers == defaults.headers)
        #expect(try read(#"{"payload":"x","header":{}}"#, defaults: defaults)?.headers == [])
    }

    @Test("a blank line is none", arguments: ["", "  ", "\t\r"])
    func blank(line: String) throws {
        #expect(try read(line) == nil)
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("nonsense", "object"),
            (#"["payload"]"#, "object"),
            (#"{"kind":"x"}"#, "payload"),
            (#"{"payload":"a","payload":"b"}"#, "twice"),
            (#"{"payload":"a","payload_base64":"YQ=="}"#, "two payloads"),
            (#"{"payload_base64":"%"}"#, "base64"),
            (#"{"payload_base64":7}"#, "not a string"),
            (#"{"payload":"a","priorty":1}"#, "priorty"),
            (#"{"payload":"a","priority":16}"#, "0 to 15"),
            (#"{"payload":"a","priority":-1}"#, "0 to 15"),
            (#"{"payload":"a","priority":1.0}"#, "0 to 15"),
            (#"{"payload":"a","priority":"1"}"#, "0 to 15"),
            (#"{"payload":"a","attempts":0}"#, "1 to 1000000"),
            (#"{"payload":"a","delay":30}"#, "30s"),
            (#"{"payload":"a","delay":"soon"}"#, "delay"),
            (#"{"payload":"a","kind":null}"#, "kind"),
            (#"{"payload":"a","header":"x"}"#, "NAME=VALUE"),
            (#"{"payload":"a","header":["=x"]}"#, "NAME=VALUE"),
            (#"{"payload":"a","header":[1]}"#, "header"),
            (#"{"payload":"a","header":{"x":1}}"#, "header"),
            (#"{"payload":"a"} x"#, "behind"),
            (#"{"payload":"a""#, "'}'"),
            (#"{"payload":"a"#, "does not end"),
            (#"{"payload":"a","#, "name"),
            (#"{"payload" "a"}"#, "':'"),
            (#"{"payload":01}"#, "'}'"),
            (#"{"payload":1.}"#, "digit"),
            (#"{"payload":-}"#, "digit"),
            (#"{"payload":nul}"#, "value"),
            (#"{"payload":}"#, "value"),
            (#"{"payload":[1,]}"#, "value"),
            (#"{"payload":"\x"}"#, "escape"),
            (#"{"payload":"\u12"}"#, "hexadecimal"),
            (#"{"payload":"\ud83d"}"#, "surrogate"),
            (#"{"payload":"\ude00"}"#, "surrogate"),
            ("{\"payload\":\"a\tb\"}", "control character"),
            ("{\"payload\":" + String(repeating: "[", count: 1_000_000), "nested"),
        ])
    func faults(line: String, expected: String) {
        let fault = #expect(throws: JobLine.Fault.self) { try read(line) }
        #expect(fault?.description.contains(expected) == true, "\(fault?.description ?? "")")
    }

    @Test("bytes that are not UTF-8 are refused wherever they stand")
    func notUTF8() {
        for line in [#"{"payload":"?"}"#, #"{"payload":["?"]}"#, #"{"?":1}"#] {
            let bytes = line.utf8.map { $0 == UInt8(ascii: "?") ? 0xFF : $0 }
            #expect(throws: JobLine.Fault.self) { try JobLine.read(bytes[...]) }
        }
    }

    @Test("no prefix and no single changed byte of a line crashes the reader")
    func anyBytes() {
        let line = Array(#"{"payload":{"a":[1,-2.5e3,"é"]},"delay":"5m","header":["a=b"]}"#.utf8)
        var readCount = 0
        for length in 0...line.count where (try? JobLine.read(line[..<length])) != nil {
            readCount += 1
        }
        for index in line.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = line
                changed[index] = byte
                if (try? JobLine.read(changed[...])) != nil { readCount += 1 }
            }
        }
        #expect(readCount > line.count)
    }
}
