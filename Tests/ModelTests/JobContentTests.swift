import HoldfastModel
import Testing

@Suite struct JobContentTests {
    private func bytes(
        kind: String = "resize",
        headers: [(name: String, value: String)] = [("a", "b"), ("c", "")],
        payload: [UInt8] = [1, 2, 3], codec: JobContent.Codec = .none, rawByteCount: Int? = nil
    ) -> [UInt8] {
        payload.withUnsafeBytes {
            JobContent.bytes(
                kind: kind.utf8, headers: headers, payload: $0, codec: codec,
                rawByteCount: rawByteCount)
        }
    }

    private func fault(_ bytes: [UInt8], payloadByteCountMax: Int = 1_024) -> RefusalCode? {
        bytes.withUnsafeBytes {
            do throws(JobContent.Fault) {
                _ = try JobContent(checking: $0, payloadByteCountMax: payloadByteCountMax)
                return nil
            } catch { return error.code }
        }
    }

    @Test("what is laid out is read back, checked or trusted")
    func roundTrip() throws {
        try bytes().withUnsafeBytes { bytes in
            for content in [
                try JobContent(checking: bytes, payloadByteCountMax: 3),
                JobContent(trusted: bytes)!,
            ] {
                #expect(String(decoding: content.kind, as: UTF8.self) == "resize")
                #expect(Array(content.payload) == [1, 2, 3])
                #expect(content.rawByteCount == 3 && content.codec == .none)
                var headers: [String] = []
                let isWhole = JobContent.forEachHeader(content.headers) { name, value in
                    headers.append(
                        String(decoding: name, as: UTF8.self) + "="
                            + String(decoding: value, as: UTF8.self))
                }
                #expect(isWhole && headers == ["a=b", "c="])
            }
        }
    }

    @Test("its bytes are as the drawing says")
    func golden() {
        #expect(
            bytes(kind: "k", headers: [("n", "vw")], payload: [9])
                == [0, 1, 6, 0, 1, 0, 0, 0, 0x6B, 1, 0x6E, 2, 0, 0x76, 0x77, 9])
    }

    @Test("every cut of a content is refused or a shorter payload, and never a trap")
    func truncated() {
        let whole = bytes()
        for length in 0..<whole.count {
            #expect(fault(Array(whole.prefix(length))) == .badRequest)
        }
    }

    @Test("any byte changed: refused or read, and never a trap")
    func mutated() {
        let whole = bytes()
        for position in whole.indices {
            for value: UInt8 in 0...255 {
                var changed = whole
                changed[position] = value
                _ = fault(changed)
                changed.withUnsafeBytes { bytes in
                    guard let content = JobContent(trusted: bytes) else { return }
                    _ = JobContent.forEachHeader(content.headers) { _, _ in }
                }
            }
        }
    }

    @Test("each bound is refused by its own code")
    func bounds() {
        #expect(fault([]) == .badRequest)
        #expect(fault(bytes(), payloadByteCountMax: 2) == .payloadTooLarge)
        #expect(fault(bytes(), payloadByteCountMax: 3) == nil)
        #expect(fault(bytes(codec: .lz4, rawByteCount: 100)) == nil)
        #expect(fault(bytes(rawByteCount: 4)) == .badRequest)
        #expect(fault(bytes(kind: "a\n")) == .badName)
        #expect(fault(bytes(kind: "")) == nil)
        #expect(fault(bytes(headers: [("", "x")])) == .badName)
        #expect(fault(bytes(headers: [("a\u{1}", "x")])) == .badName)
        let long = String(repeating: "x", count: Limits.headerValueByteCountMax)
        #expect(fault(bytes(headers: [("a", long)])) == nil)
        #expect(fault(bytes(headers: [("a", long + "x")])) == .badArgument)
        #expect(fault(bytes(headers: Array(repeating: ("a", long), count: 5))) == .badArgument)
        #expect(fault(bytes(headers: Array(repeating: ("a", ""), count: 64))) == nil)
        #expect(fault(bytes(headers: Array(repeating: ("a", ""), count: 65))) == .tooManyItems)
        var unknownCodec = bytes()
        unknownCodec[0] = 2
        #expect(fault(unknownCodec) == .notSupported)
    }
}
