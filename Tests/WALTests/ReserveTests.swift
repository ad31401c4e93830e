import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F9: the files with which a log goes on where its volume has no room.
@Suite struct ReserveTests {
    private static let noSpace: Int32 = 28
    private static let overQuota: Int32 = 122

    private static func poolFiles(_ fileSystem: SimulatedFileSystem) throws -> [String] {
        try fileSystem.list(DirectoryLayout.pool).filter {
            DirectoryLayout.keptNumber(ofName: $0) == nil
        }
    }

    private static func prepared() throws -> TestStore {
        let store = try TestStore()
        while try store.log.prepareSpareSegments() {}
        return store
    }

    @Test("the reserve is whole before any of it is filled with zeros")
    func wholeFirst() throws {
        let store = try TestStore()
        while !store.log.reserve.isWhole { #expect(try store.log.prepareSpareSegments()) }
        #expect(store.log.status.zeroFilledByteCount == 0)
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.status.spareCount == 3)
        #expect(store.log.reserve.usableCount == LogReserve.fileCountDefault)
    }

    @Test(
        "F9: on a full volume the log goes on to the last file of its reserve, and waits then",
        arguments: [noSpace, overQuota])
    func lastFile(code: Int32) throws {
        var store = try Self.prepared()
        let first = store.log.status.activeNumber
        TestStore.refuseFiles(store.fileSystem, code: code)
        var error: LogError?
        while error == nil {
            do {
                try store.append(records: 4)
            } catch let thrown as LogError {
                error = thrown
            }
        }
        guard case .full? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(store.log.reserve.fileCount == 0)
        #expect(store.log.reserve.isRefused)
        #expect(
            store.log.status.activeNumber == first + UInt64(LogReserve.fileCountDefault))
        #expect(try store.readFaults() == [])
        #expect(try TestStore.damages(store.fileSystem.disk.afterKill()) == [])
        // The very same batch, once there is room.
        store.fileSystem.clearFaults()
        try store.log.append(store.batch)
        store.nextLSN = store.batch.nextLSN
        #expect(try store.readFaults() == [])
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.reserve.isWhole)
        #expect(!store.log.reserve.isRefused)
    }

    @Test(
        "F9: a call that finds no space takes no file out of the reserve",
        arguments: [.rename, .create, .allocate, .write] as [DiskError.Call], [false, true])
    func nothingIsLost(call: DiskError.Call, isPersistent: Bool) throws {
        for position in 1...200 {
            var store = try Self.prepared()
            var fault = SimulatedFault(
                [call], position: position, code: Self.noSpace, isPersistent: isPersistent)
            // Blocks that a volume has given once it does not take back.
            fault.isOfObtaining = call == .write
            let callCount = store.fileSystem.calls.count
            store.fileSystem.fail(fault)
            for round in 1...40 {
                let firstLSN = store.nextLSN
                do {
                    try store.append(records: 4)
                } catch LogError.full {
                    #expect(store.nextLSN == firstLSN)
                    store.fileSystem.clearFaults()
                    try store.log.append(store.batch)
                    store.nextLSN = store.batch.nextLSN
                }
                _ = try store.log.prepareSpareSegments()
                if round % 10 == 0 {
                    try store.log.release(store.log.sealedSegments.map(\.number))
                }
                let names = try Self.poolFiles(store.fileSystem)
                #expect(names.count == store.log.reserve.fileCount, "call \(position): \(names)")
            }
            store.fileSystem.clearFaults()
            try store.append(records: 4)
            let kept = store.log.sealedSegments.first?.firstLSN ?? store.log.activeFirstLSN
            #expect(try store.readFaults(from: kept) == [])
            let failed = store.fileSystem.calls[callCount...].filter { $0.code == Self.noSpace }
            if failed.isEmpty { break }
            #expect(position < 200)
        }
    }

    @Test("F9: a file that cannot be named as what it is now is not filled again and again")
    func noName() throws {
        var store = try TestStore()
        while !store.log.reserve.isWhole { #expect(try store.log.prepareSpareSegments()) }
        store.fileSystem.fail(
            SimulatedFault([.rename], code: Self.noSpace, isPersistent: true))
        while try store.log.prepareSpareSegments() {}
        let filled = store.log.status.zeroFilledByteCount
        #expect(filled == TestStore.segmentByteCount)
        for _ in 1...5 { _ = try store.log.prepareSpareSegments() }
        #expect(store.log.status.zeroFilledByteCount == filled)
        store.fileSystem.clearFaults()
        store.log.retryRefused()
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.status.spareCount == 3)
        try store.append(records: 2)
    }

    @Test(
        "under a load that leaves no time to write zeros, files go round: none is made, none removed"
    )
    func round() throws {
        var store = try Self.prepared()
        for _ in 1...5 { try store.append(records: 3) }
        func load() throws {
            for _ in 1...30 {
                let number = store.log.status.activeNumber
                while store.log.status.activeNumber == number { try store.append(records: 3) }
                try store.log.release(store.log.sealedSegments.map(\.number))
                _ = try store.log.prepareSpareSegments()
            }
        }
        try load()
        let callCount = store.fileSystem.calls.count
        let filled = store.log.status.zeroFilledByteCount
        try load()
        #expect(store.log.status.zeroFilledByteCount == filled)
        let made = store.fileSystem.calls[callCount...].filter {
            $0.call == .create || $0.call == .remove && $0.path.hasSuffix(".seg")
        }
        #expect(made.isEmpty, "\(made)")
        #expect(store.log.reserve.usableCount >= LogReserve.fileCountDefault)
        #expect(
            try TestStore.damages(store.fileSystem.disk.afterKill(), from: store.origin()) == [])
    }

    @Test("where a file cannot be zeroed without writing it, it is written")
    func written() throws {
        var store = try Self.prepared()
        store.fileSystem.notesZeros = false
        let filled = store.log.status.zeroFilledByteCount
        for _ in 1...20 { try store.append(records: 4) }
        try store.log.release(store.log.sealedSegments.map(\.number))
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.reserve.usableCount == store.log.reserve.fileCount)
        #expect(store.log.status.zeroFilledByteCount > filled + 2 * TestStore.segmentByteCount)
        for _ in 1...20 { try store.append(records: 4) }
        #expect(
            try TestStore.damages(store.fileSystem.disk.afterKill(), from: store.origin()) == [])
    }

    @Test(
        "F9: a file that loses its space when it is to be zeroed gets it back, or leaves the reserve",
        arguments: [false, true])
    func lost(forGood: Bool) throws {
        var store = try Self.prepared()
        for _ in 1...20 { try store.append(records: 4) }
        try store.log.release(store.log.sealedSegments.map(\.number))
        let count = store.log.reserve.fileCount
        store.fileSystem.fail(
            SimulatedFault([.allocate], code: Self.noSpace, isPersistent: forGood))
        _ = try store.log.prepareSpareSegments()
        #expect(store.log.reserve.fileCount == (forGood ? count - 1 : count))
        #expect(
            try Self.poolFiles(store.fileSystem).count == store.log.reserve.fileCount)
        store.fileSystem.clearFaults()
        // Written now; and it is not tried again before the volume has been looked at.
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.reserve.usableCount == store.log.reserve.fileCount)
        #expect(store.log.reserve.isWhole)
        for _ in 1...20 { try store.append(records: 4) }
        let killed = store.fileSystem.disk.afterKill()
        #expect(try TestStore.damages(killed, from: store.origin()) == [])
    }

    @Test(
        "F9: where there is little room no file is zeroed, for which blocks might be missing then")
    func scarce() throws {
        var store = try Self.prepared()
        for _ in 1...20 { try store.append(records: 4) }
        try store.log.release(store.log.sealedSegments.map(\.number))
        let count = store.log.reserve.fileCount
        store.fileSystem.fail(
            SimulatedFault([.create, .allocate], code: Self.noSpace, isPersistent: true))
        while try store.log.prepareSpareSegments(isRoomy: false) {}
        #expect(store.fileSystem.hits.isEmpty)
        #expect(store.log.reserve.usableCount == count)
    }

    @Test("while the volume has room, nothing that a load uses up comes out of the reserve")
    func stays() throws {
        var store = try Self.prepared()
        for _ in 1...100 {
            try store.append(records: 4)
            #expect(store.log.reserve.fileCount >= LogReserve.fileCountDefault - 1)
        }
        #expect(store.log.status.segmentCount > 20)
    }

    @Test("L5, I5: on a full volume what is released comes back as reserve, for ever")
    func forEver() throws {
        var store = try Self.prepared()
        TestStore.refuseFiles(store.fileSystem)
        for round in 1...200 {
            for _ in 1...5 { try store.append(records: 3) }
            try store.log.release(store.log.sealedSegments.map(\.number))
            while try store.log.prepareSpareSegments(isRoomy: false) {}
            #expect(store.log.reserve.usableCount >= LogReserve.fileCountDefault - 1)
            guard round % 50 == 0 else { continue }
            let disk = store.fileSystem.disk.afterKill()
            #expect(try TestStore.damages(disk, from: store.origin()) == [])
        }
    }

    @Test("a file whose content is of no account is filled before it becomes a segment")
    func rawFiles() throws {
        var store = try Self.prepared()
        TestStore.refuseFiles(store.fileSystem)
        for _ in 1...12 {
            for _ in 1...5 { try store.append(records: 3) }
            // Nobody prepares anything: what comes back is taken as it is.
            try store.log.release(store.log.sealedSegments.map(\.number))
        }
        #expect(
            try TestStore.damages(store.fileSystem.disk.afterKill(), from: store.origin()) == [])
    }

    @Test("F9: each start on a full volume begins its segment in the reserve")
    func starts() throws {
        var store = try Self.prepared()
        try store.append(records: 2)
        for start in 1...4 {
            let fileSystem = SimulatedFileSystem(store.fileSystem.disk.afterKill())
            TestStore.refuseFiles(fileSystem)
            let lastLSN = store.nextLSN - 1
            store = try TestStore(fileSystem, seed: UInt64(start))
            #expect(store.replayed.lastLSN == lastLSN)
            try store.append(records: 2)
            #expect(try store.readFaults() == [])
        }
        #expect(store.log.reserve.fileCount < LogReserve.fileCountDefault)
    }

    @Test("F9: a file that was begun for a longer segment is none of the reserve")
    func tooLong() throws {
        var store = try Self.prepared()
        try store.append(records: 2)
        var disk = store.fileSystem.disk.afterKill()
        for name in try Self.poolFiles(store.fileSystem) {
            disk.delete("\(DirectoryLayout.pool)/\(name)")
        }
        let rubbish = [UInt8](repeating: 7, count: 2 * TestStore.segmentByteCount)
        disk.place("pool/0000000000000050.raw", Array(rubbish[..<TestStore.segmentByteCount]))
        disk.place("pool/0000000000000051.raw", rubbish)
        let fileSystem = SimulatedFileSystem(disk)
        TestStore.refuseFiles(fileSystem)
        store = try TestStore(fileSystem, seed: 3)
        try store.append(records: 2)
        #expect(try TestStore.damages(fileSystem.disk.afterKill()) == [])
        #expect(!fileSystem.disk.files.contains("pool/0000000000000051.raw"))
    }

    @Test("a part of the reserve that a crash has left half made is made again")
    func crash() throws {
        let whole = SimulatedFileSystem()
        whole.keepsMoments = true
        let first = try TestStore(whole)
        while !first.log.reserve.isWhole { _ = try first.log.prepareSpareSegments() }
        for (number, moment) in whole.moments.enumerated() where number % 3 == 0 {
            for disk in [
                moment.disk.afterPowerLoss(CrashChoices()), moment.disk.afterKill(),
                moment.disk.afterPowerLoss(.random(moment.disk, seed: UInt64(number))),
            ] {
                let store = try TestStore(SimulatedFileSystem(disk), seed: 9)
                while try store.log.prepareSpareSegments() {}
                #expect(store.log.reserve.isWhole, "moment \(number)")
                #expect(
                    try TestStore.damages(store.fileSystem.disk.afterKill()) == [],
                    "moment \(number)")
            }
        }
    }
}
