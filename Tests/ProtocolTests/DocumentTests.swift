import Foundation
import HoldfastModel
import HoldfastProtocol
import Testing

@Suite struct DocumentTests {
    private static let document: String = {
        let url = packageDirectory.appending(path: "docs/protocol.md")
        guard let text = try? String(contentsOf: url, encoding: .utf8) else {
            fatalError("docs/protocol.md cannot be read")
        }
        return text
    }()

    /// The fenced blocks that are marked `hex NAME`.
    private static let examples: [String: [UInt8]] = {
        var examples: [String: [UInt8]] = [:]
        var blocks = document.components(separatedBy: "\n```hex ").dropFirst()
        while let block = blocks.popFirst() {
            let name = block.prefix { $0 != "\n" }
            let body = block.dropFirst(name.count).components(separatedBy: "\n```")[0]
            examples[String(name)] = bytes(hex: body)
        }
        return examples
    }()

    @Test("the document has every example, and no other")
    func names() {
        #expect(Self.examples.keys.sorted() == Samples.examples.keys.sorted())
    }

    @Test("an example of the document is what the encoder writes", arguments: Samples.examples.keys)
    func example(name: String) throws {
        let documented = try #require(Self.examples[name])
        let encoded = try #require(Samples.examples[name])
        #expect(hex(documented) == hex(encoded))
    }

    @Test("the document names every refusal by its number")
    func refusals() {
        for code in RefusalCode.allCases {
            #expect(Self.document.contains("| \(code.rawValue) | `\(code.name)` |"))
        }
    }

    @Test("the document names every request by its number")
    func requests() {
        for kind in RequestKind.allCases {
            let number = String(kind.rawValue, radix: 16)
            #expect(Self.document.contains("| `\(number.count == 1 ? "0" : "")\(number)` | "))
        }
    }
}
