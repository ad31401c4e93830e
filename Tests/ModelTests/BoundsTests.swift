import HoldfastModel
import Testing

@Suite struct NameTests {
    @Test(
        "names",
        arguments: [
            ("a", true), ("", false), (String(repeating: "x", count: 255), true),
            (String(repeating: "x", count: 256), false), ("naïve ✓ 日本", true), (" ", true),
            ("a\u{0}", false), ("\u{1F}", false), ("\u{7F}", false), ("\u{80}", true),
            ("line\nbreak", false),
        ])
    func valid(name: String, isValid: Bool) {
        #expect(Name.isValid(name) == isValid)
    }

    @Test(
        "bytes that are not UTF-8 are no name",
        arguments: [[0xFF], [0xC3], [0x61, 0x80], [0xED, 0xA0, 0x80]])
    func notUTF8(bytes: [UInt8]) {
        #expect(!bytes.withUnsafeBytes { Name.isValid($0) })
    }
}

@Suite struct QueuePolicyTests {
    @Test("the standard policy can be used, and each bound is one")
    func bounds() {
        #expect(QueuePolicy.standard.fault == nil)
        func fault(_ change: (inout QueuePolicy) -> Void) -> Bool {
            var policy = QueuePolicy.standard
            change(&policy)
            return policy.fault != nil
        }
        #expect(fault { $0.visibilityTimeoutMilliseconds = 999 })
        #expect(!fault { $0.visibilityTimeoutMilliseconds = 1_000 })
        #expect(!fault { $0.visibilityTimeoutMilliseconds = 43_200_000 })
        #expect(fault { $0.visibilityTimeoutMilliseconds = 43_200_001 })
        #expect(fault { $0.attemptCountMax = 0 })
        #expect(!fault { $0.attemptCountMax = 1_000_000 })
        #expect(fault { $0.attemptCountMax = 1_000_001 })
        #expect(fault { $0.interruptionCountMax = 0 })
        #expect(fault { $0.interruptionCountMax = .max })
        #expect(fault { $0.backoffMilliseconds = $0.backoffMillisecondsMax + 1 })
        #expect(!fault { $0.backoffMillisecondsMax = Limits.delayMillisecondsMax })
        #expect(fault { $0.backoffMillisecondsMax = Limits.delayMillisecondsMax + 1 })
    }
}

@Suite struct RefusalCodeTests {
    @Test("names are the cases in snake case, and the numbers are for ever")
    func names() {
        #expect(RefusalCode.leaseLost.name == "lease_lost")
        #expect(RefusalCode.tooManyLeases.name == "too_many_leases")
        #expect(RefusalCode.allCases.map(\.rawValue) == Array(1...25))
        #expect(Set(RefusalCode.allCases.map(\.name)).count == 25)
    }
}
