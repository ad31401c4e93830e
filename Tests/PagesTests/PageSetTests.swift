import HoldfastPages
import Testing

@Suite struct PageSetTests {
    @Test("a set reads back as it was written, in one encoding only")
    func coding() {
        var set = PageSet()
        #expect(set.encoded() == [])
        for number: UInt32 in [1, 63, 64, 65, 1000, 4096] { set.insert(number) }
        let isNew = set.insert(64)
        #expect(!isNew)
        #expect(set.count == 6)
        #expect(PageSet(decoding: set.encoded()) == set)
        #expect(set.encoded().count == 65 * 8)
        set.remove(4096)
        set.remove(1000)
        #expect(set.encoded().count == 16)
        #expect(PageSet(decoding: set.encoded()) == set)
        #expect(PageSet(decoding: []) == PageSet())
        #expect(PageSet(decoding: [2, 0, 0]) == nil)
        #expect(PageSet(decoding: [1, 0, 0, 0, 0, 0, 0, 0]) == nil)
        #expect(PageSet(decoding: [2] + [UInt8](repeating: 0, count: 15)) == nil)
    }

    @Test("the lowest absent and present numbers are found from any hint")
    func searching() {
        var set = PageSet()
        #expect(set.lowestAbsent(from: 0) == 1)
        #expect(set.lowestPresent(from: 0) == nil)
        for number: UInt32 in 1...200 { set.insert(number) }
        set.remove(70)
        #expect(set.lowestAbsent(from: 1) == 70)
        #expect(set.lowestAbsent(from: 71) == 201)
        #expect(set.lowestAbsent(from: 5000) == 5000)
        #expect(set.lowestPresent(from: 70) == 71)
        #expect(set.lowestPresent(from: 201) == nil)
        #expect(set.last == 200)
    }

    @Test("union and difference count right")
    func algebra() {
        var left = PageSet()
        var right = PageSet()
        for number: UInt32 in [1, 2, 300] { left.insert(number) }
        for number: UInt32 in [2, 3] { right.insert(number) }
        #expect(left.union(right).count == 4)
        #expect(right.union(left) == left.union(right))
        #expect(left.subtracting(right).count == 2)
        #expect(right.subtracting(left).count == 1)
        var numbers: [UInt32] = []
        left.union(right).forEach { numbers.append($0) }
        #expect(numbers == [1, 2, 3, 300])
    }
}
