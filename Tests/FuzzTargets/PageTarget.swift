internal import HoldfastPages

/// The pages of a map of three levels, a bitmap in it, a chain and an array, one behind the other as a
/// file that is changed; then everything is asked of each.
enum PageTarget {
    private struct Entry: BitwiseCopyable {
        var words: (UInt64, UInt64, UInt64)
    }

    private struct Committed: Sendable {
        var pages: [UInt8]
        var numbers: [UInt32]
        var used: PageSet
        var mapRoot: PageReference
        var chainRoot: [UInt8]
        var arrayReferences: [PageReference]
    }

    private static let uuid: (UInt64, UInt64) = (0x1122_3344_5566_7788, 0x99AA_BBCC_DDEE_FF00)
    private static let bitmapPrefix: UInt64 = 1 << 60
    private static let chainOwner: UInt64 = 77

    private static var limits: PageLimits {
        var limits = PageLimits()
        limits.nodeEntryCountMax = 6
        limits.chainEntryCountMax = 4
        limits.bitmapBitCount = 64
        limits.arrayElementCountMax = 8
        limits.readAheadPageCount = 1
        return limits
    }

    private static let committed: Committed = {
        let space = PageSpace(
            limits: limits, storeUUID: uuid, snapshotNumber: 1, source: { _, _, _ in false })
        space.beginStamps(epoch: 1)
        var map = OrderedMap(space)
        for number in 0..<60 {
            let value = [UInt8](repeating: UInt8(number), count: number % 50)
            value.withUnsafeBytes {
                map.insert(MapKey(high: UInt64(number * 37 % 60) << 8, low: 1), $0)
            }
        }
        var bitmap = PagedBitmap(keyPrefix: bitmapPrefix)
        for number in 0..<UInt64(300) where number % 3 != 0 { bitmap.insert(number, &map, space) }
        var chain = PageChain<Entry>(owner: chainOwner)
        for number in 0..<UInt64(30) {
            chain.append(Entry(words: (number, number, number)), space)
        }
        var array = PagedArray<UInt64>(space, identifier: 5)
        for number in 0..<30 { array.mutablePointer(number).pointee = UInt64(number) }
        var chainRoot: [UInt8] = []
        chain.encode(into: &chainRoot)
        let frozen = space.freeze()
        var pages: [UInt8] = []
        var numbers: [UInt32] = []
        for index in 0..<frozen.count {
            var buffer = [UInt64](repeating: 0, count: 512)
            buffer.withUnsafeMutableBytes {
                frozen.copy(index..<index + 1, into: $0)
                pages += $0
            }
            numbers.append(frozen.number(at: index))
        }
        return Committed(
            pages: pages, numbers: numbers, used: frozen.used, mapRoot: map.root,
            chainRoot: chainRoot, arrayReferences: array.references)
    }()

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let committed = committed
        let patches = Patches(bytes)
        var pages = committed.pages
        patches.apply(to: &pages)
        if patches.repairsChecksums { seal(&pages, uuid: uuid) }
        func space() -> PageSpace {
            let space = PageSpace(
                limits: limits, storeUUID: uuid, used: committed.used, snapshotNumber: 2,
                source: { first, count, buffer in
                    for position in 0..<count {
                        let target = UnsafeMutableRawBufferPointer(
                            rebasing: buffer[(position * 4_096)..<((position + 1) * 4_096)])
                        target.initializeMemory(as: UInt8.self, repeating: 0)
                        guard
                            let index = committed.numbers.firstIndex(of: first + UInt32(position)),
                            (index + 1) * 4_096 <= pages.count
                        else { continue }
                        pages.withUnsafeBytes {
                            target.copyMemory(
                                from: UnsafeRawBufferPointer(
                                    rebasing: $0[index * 4_096..<(index + 1) * 4_096]))
                        }
                    }
                    return true
                })
            space.beginStamps(epoch: 2)
            return space
        }
        useMap(space(), committed.mapRoot)
        useChain(space(), committed.chainRoot)
        useArray(space(), committed.arrayReferences)
    }

    private static func useMap(_ space: PageSpace, _ root: PageReference) {
        var map = OrderedMap(space, root: root)
        _ = map.check()
        var key = MapKey.min
        while let found = map.first(from: key), found.key.low < .max {
            precondition(found.key >= key, "a walk rises")
            key = MapKey(high: found.key.high, low: found.key.low + 1)
        }
        let bitmap = PagedBitmap(keyPrefix: bitmapPrefix)
        var last: UInt64 = 0
        while last < .max, let number = bitmap.first(from: last + 1, map, space) {
            precondition(number > last, "and so does that of a bitmap")
            last = number
        }
        for number in stride(from: UInt64(0), to: 400, by: 7) {
            _ = bitmap.contains(number, map, space)
        }
        _ = bitmap.isEmpty(in: 0...1_000, map, space)
        for number in 0..<60 {
            let key = MapKey(high: UInt64(number) << 8, low: 1)
            _ = map.find(key)
            _ = map.first(from: key)
            map.change(key) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
            [UInt8](repeating: 3, count: number * 20).withUnsafeBytes { map.insert(key, $0) }
            if number % 3 == 0 { map.remove(key) }
        }
        for number in 0..<60 { map.remove(MapKey(high: UInt64(number) << 8, low: 1)) }
        map.removeAll()
    }

    private static func useChain(_ space: PageSpace, _ root: [UInt8]) {
        root.withUnsafeBytes { bytes in
            var rest = bytes
            guard var chain = PageChain<Entry>(decoding: &rest, owner: chainOwner, in: space)
            else { return }
            var cursor = PageChain<Entry>.Cursor(chain)
            while cursor.next(space) != nil {}
            for number in 0..<UInt64(40) {
                _ = chain.popFirst(space)
                chain.append(Entry(words: (number, 0, 0)), space)
            }
            chain.removeAll(space)
        }
    }

    private static func useArray(_ space: PageSpace, _ references: [PageReference]) {
        var array = PagedArray<UInt64>(space, identifier: 5, references: references)
        var sum: UInt64 = 0
        for index in 0..<64 { sum &+= array.element(index) }
        array.mutablePointer(3).pointee = sum
        array.dropPage(holding: 9)
        array.removeAll()
    }

    /// A set of page numbers as a snapshot has it.
    static func set(_ bytes: UnsafeRawBufferPointer) {
        guard let set = PageSet(decoding: Array(bytes)) else { return }
        _ = set.count
        _ = set.contains(1)
        let again = set.encoded()
        guard let same = PageSet(decoding: again) else {
            preconditionFailure("what was written can be read")
        }
        precondition(same.count == set.count, "and is the same")
    }

    /// Checksums of all pages of a file.
    static func seal(_ file: inout [UInt8], uuid: (UInt64, UInt64)) {
        let checksum = PageFormat.storeChecksum(uuid: uuid)
        var words = [UInt64](repeating: 0, count: 512)
        for start in stride(from: 0, through: file.count - 4_096, by: 4_096) {
            // A place that holds no page stays one.
            guard file[start] != 0 else { continue }
            words.withUnsafeMutableBytes { page in
                page.copyBytes(from: file[start..<start + 4_096])
                guard let address = page.baseAddress else { return }
                PageFormat.seal(address, storeChecksum: checksum)
                file.replaceSubrange(start..<start + 4_096, with: page)
            }
        }
    }
}
