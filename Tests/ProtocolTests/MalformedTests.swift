import HoldfastModel
import HoldfastProtocol
import NIOCore
import Testing

/// Whatever arrives is read or refused; nothing traps, and nothing is read beyond its end.
@Suite struct MalformedTests {
    @Test("a frame cut anywhere is not whole yet", arguments: Samples.all.keys.sorted())
    func prefixes(name: String) throws {
        let frame = try #require(Samples.all[name])
        for count in 0..<frame.count {
            #expect(try decode(Array(frame[..<count])) == nil, "of the first \(count) bytes")
        }
    }

    @Test("a frame whose body ends early is refused", arguments: Samples.all.keys.sorted())
    func shortened(name: String) throws {
        let frame = try #require(Samples.all[name])
        for count in FrameFormat.headerByteCount..<frame.count {
            #expect(throws: WireFault.self, "after \(count) bytes") {
                try decode(withLength(Array(frame[..<count])))
            }
        }
    }

    @Test("a frame whose body goes on is refused", arguments: Samples.all.keys.sorted())
    func lengthened(name: String) throws {
        let frame = try #require(Samples.all[name])
        for extra in [1, 2, 8, 100] {
            #expect(throws: WireFault.self) {
                try decode(withLength(frame + Array(repeating: 0, count: extra)))
            }
        }
    }

    @Test(
        "a frame with any one byte changed to anything is read or refused",
        arguments: Samples.all.keys.sorted())
    func mutations(name: String) throws {
        let frame = try #require(Samples.all[name])
        var refusedCount = 0
        for index in frame.indices {
            for value in UInt8.min...UInt8.max where value != frame[index] {
                var mutated = frame
                mutated[index] = value
                do throws(WireFault) {
                    _ = try decode(mutated)
                } catch {
                    refusedCount += 1
                }
            }
        }
        // Flags, reserved bytes and most kinds at least.
        #expect(refusedCount > 255 * 3)
    }

    @Test("random changes of several bytes are read or refused", arguments: 0..<16)
    func randomMutations(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for name in Samples.all.keys.sorted() {
            let frame = try #require(Samples.all[name])
            for _ in 0..<200 {
                var mutated = frame
                for _ in 0..<(1 + Int(random.next() % 4)) {
                    mutated[Int(random.next() % UInt64(frame.count))] = random.interestingByte()
                }
                if random.next() % 4 == 0 {
                    mutated.removeLast(Int(random.next() % UInt64(mutated.count)))
                    if mutated.count >= 12 { mutated = withLength(mutated) }
                }
                _ = try? decode(mutated)
            }
        }
    }

    @Test(
        "a length beyond the announced maximum is refused by its first four bytes",
        arguments: [1_048_577, 1 << 30, .max] as [UInt32])
    func oversizeLength(length: UInt32) {
        let bytes = withUnsafeBytes(of: length.littleEndian) { Array($0) }
        let fault = #expect(throws: WireFault.self) { try decode(bytes) }
        #expect(fault?.code == .frameTooLarge)
        #expect(fault?.closesConnection == true)
    }

    @Test("a length below eight is refused", arguments: 0..<8 as Range<UInt8>)
    func undersizeLength(length: UInt8) {
        let fault = #expect(throws: WireFault.self) { try decode([length, 0, 0, 0]) }
        #expect(fault?.code == .badRequest)
    }

    /// Where the count of a request's items lies.
    static let counts: [String: Int] = [
        "enqueue": 20, "lease": 12, "ack": 12, "ack-lease": 12, "nack": 12, "release": 12,
        "reject": 12, "extend": 12, "heartbeat": 12, "job-list": 16, "job-cancel": 12,
        "redrive-jobs": 16, "redrive-queue": 16, "queue-list": 12,
    ]

    @Test("too many items are refused before anything is taken", arguments: counts.keys.sorted())
    func oversizeCounts(name: String) throws {
        let offset = try #require(Self.counts[name])
        for count in [1_025, 1_000_000, .max] as [UInt32] {
            let frame = patched(try #require(Samples.all[name]), offset, count)
            let fault = #expect(throws: WireFault.self) { try decode(frame) }
            #expect(fault?.code == .tooManyItems)
            #expect(fault?.closesConnection == false)
        }
    }

    @Test("no items at all are refused", arguments: counts.keys.sorted())
    func noItems(name: String) throws {
        let frame = patched(
            try #require(Samples.all[name]), try #require(Self.counts[name]), UInt32(0))
        let fault = #expect(throws: WireFault.self) { try decode(frame) }
        #expect(fault?.code == .badArgument)
    }

    /// Where the count of a reply's items lies.
    @Test(
        "a reply cannot make its reader take memory",
        arguments: [
            ("enqueue-reply", 16), ("lease-reply", 12), ("ack-reply", 12), ("ack-lease-reply", 12),
            ("ack-lease-reply", 24), ("job-list-reply", 20), ("queue-list-reply", 16),
            ("redrive-reply", 16), ("status-reply", 12),
        ])
    func oversizeReplyCounts(name: String, offset: Int) throws {
        let frame = patched(try #require(Samples.all[name]), offset, UInt32.max)
        #expect(throws: WireFault.self) { try decode(frame) }
    }

    @Test("lengths of 2^32 - 1 inside a job are refused", arguments: [31, 55])
    func oversizeContent(offset: Int) throws {
        let frame = patched(try #require(Samples.all["enqueue"]), offset, UInt32.max)
        let fault = #expect(throws: WireFault.self) { try decode(frame) }
        #expect(fault?.code == .badRequest)
    }

    @Test("a payload beyond the inline limit is refused, one at the limit is not")
    func payload() throws {
        for (byteCount, isTaken) in [(4_096, true), (4_097, false)] {
            var limits = AnnouncedLimits()
            limits.inlinePayloadByteCountMax = 4_096
            let content = Array(repeating: UInt8(7), count: byteCount).withUnsafeBytes {
                JobContent.bytes(kind: "k".utf8, headers: [], payload: $0)
            }
            let bytes = frame { buffer in
                var writer = EnqueueWriter(
                    correlation: 1, sequence: 1, queue: "q", into: &buffer)
                content.withUnsafeBytes { writer.append(content: $0, into: &buffer) }
                writer.finish(in: &buffer)
            }
            if isTaken {
                #expect(try decode(bytes, limits: limits) != nil)
            } else {
                let fault = #expect(throws: WireFault.self) { try decode(bytes, limits: limits) }
                #expect(fault?.code == .payloadTooLarge)
                #expect(fault?.closesConnection == false)
            }
        }
    }

    /// A byte of a sample, what it is changed to, and the refusal.
    static let refusals: [(String, Int, UInt8, RefusalCode)] = [
        ("ping", 4, 0x7E, .unknownRequest),
        ("ping", 5, 1, .badRequest), ("ping", 6, 1, .badRequest), ("ping", 7, 1, .badRequest),
        ("hello", 12, 0, .badRequest), ("hello", 16, 9, .badRequest),
        ("hello", 36, 1, .badRequest),
        ("enqueue", 35, 1, .notSupported), ("enqueue", 35, 16, .notSupported),
        ("enqueue", 35, 32, .badRequest), ("enqueue", 36, 1, .badRequest),
        ("enqueue", 37, 16, .badArgument), ("enqueue", 38, 1, .badRequest),
        ("enqueue", 42, 1, .badArgument), ("enqueue", 48, 255, .badArgument),
        ("enqueue", 51, 2, .notSupported), ("enqueue", 25, 10, .badName),
        ("enqueue", 59, 10, .badName),
        ("lease", 23, 0, .badArgument), ("lease", 25, 10, .badName),
        ("lease", 19, 1, .badArgument),
        ("nack", 21, 1, .badArgument),
        ("extend", 19, 200, .badArgument),
        ("heartbeat", 36, 2, .notSupported), ("heartbeat", 36, 3, .notSupported),
        ("heartbeat", 36, 4, .badRequest), ("heartbeat", 36, 0, .badRequest),
        ("heartbeat", 37, 1, .badRequest),
        ("job-list", 12, 5, .badArgument), ("job-list", 13, 1, .badRequest),
        ("redrive-jobs", 12, 2, .badRequest),
        ("queue-create", 12, 0, .badArgument), ("queue-create", 16, 0, .badArgument),
    ]

    @Test("one wrong byte is refused for what it is", arguments: refusals)
    func refusal(name: String, offset: Int, value: UInt8, code: RefusalCode) throws {
        var bytes = try #require(Samples.all[name])
        bytes[offset] = value
        if name == "queue-create" || (name == "lease" && offset == 23) {
            // The whole of a number that is little-endian: its other bytes are cleared.
            for index in 1..<(offset == 16 ? 2 : 3) { bytes[offset + index] = 0 }
        }
        if name == "lease", offset == 23 { bytes.replaceSubrange(20..<24, with: [0, 0, 0, 0]) }
        let fault = #expect(throws: WireFault.self) { try decode(bytes) }
        #expect(fault?.code == code)
    }

    @Test("a greeting of another version is told the broker's versions")
    func version() throws {
        let bytes = frame {
            HelloRequest.write(
                correlation: 1, oldestVersion: 2, newestVersion: 3, producer: nil, clientName: "",
                into: &$0)
        }
        let fault = #expect(throws: WireFault.self) { try decode(bytes) }
        #expect(fault?.code == .unsupportedVersion)
        #expect(fault?.message.contains("1 to 1") == true)
        #expect(fault?.closesConnection == true)
    }
}

/// The frame with its length field as it should be.
private func withLength(_ frame: [UInt8]) -> [UInt8] {
    patched(frame, 0, UInt32(frame.count - FrameFormat.lengthByteCount))
}

private func patched(_ frame: [UInt8], _ offset: Int, _ value: UInt32) -> [UInt8] {
    var frame = frame
    withUnsafeBytes(of: value.littleEndian) {
        frame.replaceSubrange(offset..<offset + 4, with: $0)
    }
    return frame
}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func interestingByte() -> UInt8 {
        let bytes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
        let number = next()
        return number % 2 == 0
            ? bytes[Int(number >> 8 % UInt64(bytes.count)) % bytes.count]
            : UInt8(truncatingIfNeeded: number >> 8)
    }
}
