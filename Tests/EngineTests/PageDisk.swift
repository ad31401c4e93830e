import HoldfastPages
import HoldfastSimulation

/// Where a rig's pages are written: a dictionary.
final class PageDisk {
    private var pages: [UInt32: [UInt8]] = [:]

    /// Writes the first `count` of the pages, or all.
    func write(_ frozen: FrozenPages, first count: Int = .max) {
        for index in 0..<min(count, frozen.count) {
            let page = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 8)
            frozen.copy(index..<index + 1, into: page)
            pages[frozen.number(at: index)] = Array(page)
            page.deallocate()
        }
    }

    /// A page as it is on the disk; nil reads as zeros.
    subscript(_ number: UInt32) -> [UInt8]? {
        get { pages[number] }
        set { pages[number] = newValue }
    }

    var numbers: [UInt32] { pages.keys.sorted() }

    func read(_ first: UInt32, _ count: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        for position in 0..<count {
            let target = UnsafeMutableRawBufferPointer(
                rebasing: buffer[position * 4_096..<(position + 1) * 4_096])
            if let page = pages[first + UInt32(position)] {
                target.copyBytes(from: page)
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
        return true
    }
}

extension PageLimits {
    /// So small that a few jobs cross every border.
    static func tiny(_ random: inout SeededRandom) -> PageLimits {
        var limits = PageLimits()
        limits.nodeEntryCountMax = random.pick([3, 4, 7])
        limits.chainEntryCountMax = random.pick([1, 2, 3, 5])
        limits.bitmapBitCount = random.pick([64, 128])
        limits.arrayElementCountMax = random.pick([2, 3, 8])
        limits.cachedPageCountMax = random.pick([1, 4, 16, 1_024])
        limits.readAheadPageCount = random.pick([1, 2, 5])
        return limits
    }

    static var small: PageLimits {
        var random = SeededRandom(seed: 1)
        return tiny(&random)
    }
}
