internal import HoldfastConsole
internal import Testing

@Suite struct JSONValueTests {
    @Test("members keep their order and there is no space")
    func object() {
        let value = JSONValue.object([
            ("b", .number(-1)), ("a", .array([.null, .boolean(true), .text("x")])),
            ("c", .object([])), ("d", .unsigned(.max)),
        ])
        #expect(value.text == #"{"b":-1,"a":[null,true,"x"],"c":{},"d":18446744073709551615}"#)
    }

    @Test("text is escaped as JSON and as terminals need it")
    func text() {
        #expect(
            JSONValue.text("a\"\\\n\r\t\u{00}\u{1B}\u{7F}\u{85}é😀/").text
                == #""a\"\\\n\r\t\u0000\u001b\u007f\u0085é😀/""#)
    }

    @Test(
        "a decimal has four digits behind the point at most, and no exponent",
        arguments: [
            (0.0, "0"), (1.0, "1"), (1.5, "1.5"), (0.00004, "0"), (-0.00004, "0"),
            (2.0 / 3.0, "0.6667"), (-12.25, "-12.25"), (1_234_567.0001, "1234567.0001"),
            (.infinity, "null"), (.nan, "null"), (1e300, "null"),
        ])
    func decimal(_ number: Double, _ text: String) {
        #expect(JSONValue.decimal(number).text == text)
    }

    @Test("bytes appear as text, or in base64 under another name")
    func bytes() {
        #expect(
            JSONValue.object([JSONValue.member("payload", bytes: Array("é".utf8))]).text
                == #"{"payload":"é"}"#)
        #expect(
            JSONValue.object([JSONValue.member("payload", bytes: [0xFF, 0x00])]).text
                == #"{"payload_base64":"/wA="}"#)
    }
}
