internal import HoldfastEngine
internal import HoldfastSnapshots
internal import HoldfastWAL

// A start on a volume that is full. Each takes a segment, so that many short lives would use the
// reserve up between two snapshots.
extension Store {
    private static let fileCountMin = 3

    /// Has segments given back before anything is served, where few are left and the volume has no room
    /// for more. A state for which there is no room is no reason not to start.
    static func saveReserve(_ engine: inout JobEngine, _ upkeep: Upkeep) throws(StoreFault) {
        let log = upkeep.log
        // Asked and not looked up: a volume may have no name or no share left where it has room.
        while log.reserve.fileCount <= fileCountMin {
            do throws(LogError) {
                guard try log.restoreReserve() else { break }
            } catch {
                throw .log(error)
            }
        }
        guard log.reserve.fileCount <= fileCountMin else { return }
        do throws(StoreFault) {
            try leaveBehind(&engine, upkeep)
        } catch {
            guard case .snapshots(.full) = error else { throw error }
        }
        while log.reserve.fileCount <= fileCountMin, case .more = try upkeep.step() {}
    }
}
