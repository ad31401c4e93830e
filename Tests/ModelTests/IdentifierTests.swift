import HoldfastModel
import Testing

@Suite struct IdentifierTests {
    static let key = StoreKey(low: 0x0123_4567_89AB_CDEF, high: 0xFEDC_BA98_7654_3210)

    @Test("an id is written as 16 digits and read back, in upper case too")
    func jobIDText() {
        for lsn: UInt64 in [0, 1, 31, 1 << 40, .max] {
            let id = Self.key.jobID(lsn)
            #expect(id.description.utf8.count == 16)
            #expect(JobID(id.description) == id)
            #expect(JobID(id.description.uppercased()) == id)
        }
        // 1 and 0xFFFF in 80 bits: seventeen ones at the end.
        #expect(JobID(lsn: 1, check: 0xFFFF).description == "0000000000003vvv")
    }

    @Test("ids sort as text as the jobs were born")
    func order() {
        let texts = [UInt64](arrayLiteral: 0, 1, 2, 31, 32, 33, 1_023, 1 << 33, .max - 1, .max)
            .map { Self.key.jobID($0).description }
        #expect(texts == texts.sorted())
    }

    @Test("a token is written as 26 digits and read back")
    func tokenText() {
        for (lsn, version) in [(0, 0), (1, 1), (UInt64.max, UInt32.max)] as [(UInt64, UInt32)] {
            let token = Self.key.leaseToken(lsn, version: version)
            #expect(token.description.utf8.count == 26)
            #expect(LeaseToken(token.description) == token)
        }
    }

    @Test(
        "what is no id is refused",
        arguments: [
            "", "0", "000000000000000", "00000000000000000", "000000000000000w",
            "0000000000000 00", "00000000000000é", "-000000000000000",
        ])
    func badIDs(text: String) {
        #expect(JobID(text) == nil)
        #expect(LeaseToken(text) == nil)
    }

    @Test("a token's last digit has two bits that mean nothing and must be zero")
    func spareBits() {
        let text = Self.key.leaseToken(5, version: 6).description
        let others = "0123456789abcdefghijklmnopqrstuv".filter {
            LeaseToken(text.dropLast() + String($0)) != nil
        }
        #expect(others.count == 8)
    }

    @Test("a store knows its own ids and tokens, and nobody else's")
    func checks() {
        let other = StoreKey(low: 1, high: 2)
        var mistaken = 0
        for lsn: UInt64 in 1...20_000 {
            #expect(Self.key.knows(Self.key.jobID(lsn)))
            #expect(Self.key.knows(Self.key.leaseToken(lsn, version: 3)))
            if Self.key.knows(other.jobID(lsn)) { mistaken += 1 }
            #expect(!Self.key.knows(other.leaseToken(lsn, version: 3)))
        }
        // One in 65,536 made-up ids passes.
        #expect(mistaken <= 5)
    }

    @Test("a token of another job or version does not pass")
    func neighbours() {
        let token = Self.key.leaseToken(1_000, version: 7)
        #expect(!Self.key.knows(LeaseToken(lsn: 1_001, version: 7, check: token.check)))
        #expect(!Self.key.knows(LeaseToken(lsn: 1_000, version: 8, check: token.check)))
        #expect(!Self.key.knows(LeaseToken(lsn: 1_000, version: 7, check: token.check &+ 1)))
    }

    @Test("the checks never change: ids and tokens outlive the version that gave them out")
    func golden() {
        #expect(Self.key.jobID(1).description == Self.goldenID)
        #expect(Self.key.leaseToken(1, version: 1).description == Self.goldenToken)
    }

    static let goldenID = "0000000000002ieu"
    static let goldenToken = "0000000000002000000nktbah8"
}
