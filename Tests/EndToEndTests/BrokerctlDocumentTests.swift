internal import Foundation
internal import HoldfastHarness
internal import Testing

@Suite struct BrokerctlDocumentTests {
    @Test("every example of docs/brokerctl.md prints what the page says")
    func examples() async throws {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = root.appendingPathComponent("docs/brokerctl.md")
        let document = try ConsoleDocument(String(contentsOf: page, encoding: .utf8))
        // As the page says.
        let broker = try await BrokerProcess.start(["--segment-mib", "1"])
        let programs = URL(fileURLWithPath: try BuiltProgram.brokerctl.path)
            .deletingLastPathComponent().path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let environment = ["PATH": "\(programs):\(path)", "HOLDFAST_BROKER": broker.address]

        var bindings = ConsoleBindings()
        var status: Int32 = 0
        var commandCount = 0
        for step in document.steps {
            guard case .run(let command) = step else {
                #expect(await broker.terminate() == .code(0), "\(broker.log)")
                continue
            }
            commandCount += 1
            let text = bindings.bind(command.text)
            // Each command is a shell of its own that knows how the one before it ended.
            let shell = try ChildProcess(
                "/bin/bash",
                ["-c", "cd '\(broker.directory.path)'; exec 2>&1\n(exit \(status))\n\(text)"],
                environment: environment)
            if case .code(let code) = await shell.exit() { status = code } else { status = -1 }
            let printed = shell.standardOutput.split(
                separator: "\n", omittingEmptySubsequences: false
            ).map(String.init)
            // Blank lines at the end may be left out.
            let actual = printed.trimmingBlankLines, expected = command.output.trimmingBlankLines
            guard bindings.match(expected, actual) else {
                Issue.record(
                    """
                    docs/brokerctl.md, line \(command.lineNumber): $ \(command.text)
                    the page says:
                    \(expected.joined(separator: "\n"))
                    it printed:
                    \(actual.joined(separator: "\n"))
                    """)
                // What follows depends on what was given out here.
                return
            }
        }
        // A page whose blocks were not found would pass otherwise.
        #expect(commandCount >= 40)
    }

    @Test("the comparison itself: an id stands for one id, and differences are found")
    func comparison() {
        var bindings = ConsoleBindings()
        func matches(_ expected: [String], _ actual: [String]) -> Bool {
            bindings.match(expected, actual)
        }
        let first = "0000000000000012", second = "0000000000000034"
        #expect(matches(["\(first)  ready"], ["00000000000000ab     ready"]))
        #expect(bindings.bind("job show \(first)") == "job show 00000000000000ab")
        #expect(matches([first], ["00000000000000ab"]))
        #expect(!matches([first], ["00000000000000ac"]))
        #expect(!matches([second], ["00000000000000ab"]))
        #expect(matches(["…", "x"], ["a", "b", "x"]))
        #expect(!matches(["…", "x"], ["a", "b"]))
        #expect(
            matches(
                ["ends in …", "2026-11-21 20:43:20Z"], ["ends in 3s", "1999-01-01 00:00:00Z"]))
        #expect(!matches(["a"], ["a", "b"]))
        #expect(!matches(["a", "b"], ["a"]))
        #expect(!matches(["a.c"], ["abc"]))
    }
}

extension [String] {
    fileprivate var trimmingBlankLines: [String] {
        var lines = self
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
