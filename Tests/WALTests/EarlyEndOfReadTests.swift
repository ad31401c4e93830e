import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F12: a read that ends before the file does. What it leaves out would be zeros, which are the end
/// of a log.
@Suite struct EarlyEndOfReadTests {
    @Test("F12: it is an error, and no torn commit", arguments: [0, 4_096, 8_192, 12_300])
    func opening(byteCount: Int) throws {
        var store = try TestStore()
        for _ in 1...4 { try store.append(records: 3) }
        let disk = store.fileSystem.disk.afterKill()
        var failureCount = 0
        for position in 1...30 {
            let fileSystem = SimulatedFileSystem(disk)
            fileSystem.fail(
                SimulatedFault(
                    .shortRead(byteCount: byteCount), pathPart: ".seg", position: position))
            do {
                let again = try TestStore(fileSystem, seed: 9)
                #expect(again.replayed.lastLSN == 12, "read \(position)")
            } catch {
                failureCount += 1
            }
            let next = try TestStore(SimulatedFileSystem(fileSystem.disk.afterKill()), seed: 10)
            #expect(next.replayed.lastLSN == 12, "after read \(position)")
        }
        #expect(failureCount > 0)
    }
}
