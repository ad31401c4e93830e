internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastWAL

// A start that goes on in spite of damage. It has no answer to give until the damage lies behind two
// snapshots: from then on no start needs what is damaged.
extension Store {
    /// Reads every page, where a broker has ended because of one.
    static func examineSuspectPages(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration
    ) throws(StoreFault) {
        do throws(DiskError) {
            guard try PageSuspicion.isNoted(in: fileSystem) else { return }
        } catch {
            throw .directory(.disk(error))
        }
        let inspection: StoreInspection
        do throws(StoreError) {
            inspection = try StoreInspection(fileSystem, configuration)
        } catch {
            throw .directory(error)
        }
        do throws(StoreFault) {
            try inspection.readEveryPage()
        } catch {
            // What the log is damaged by is found by the opening itself.
            if case .log = error { return }
            throw error
        }
        do throws(DiskError) {
            try PageSuspicion.clear(in: fileSystem)
        } catch {
            throw .directory(.disk(error))
        }
    }

    /// Makes the state anew from the log.
    ///
    /// - Parameter cause: why it has to be.
    static func rebuild(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration, _ cause: StoreFault
    ) throws(StoreFault) -> RebuildReport {
        do throws(RebuildFault) {
            return try StoreRebuilding.run(fileSystem, configuration)
        } catch {
            // Why it cannot be mended is no better known by the second reason than by the first.
            if case .store(let fault) = error { throw fault }
            throw cause
        }
    }

    /// Writes the two snapshots behind all damage.
    static func leaveBehind(_ engine: inout JobEngine, _ upkeep: Upkeep) throws(StoreFault) {
        for _ in 0..<2 {
            let ranges = upkeep.rangesToCount(through: engine.lastLSN)
            let image = engine.freeze(liveCountsIn: ranges)
            if let failure = engine.pages.failure { throw .page(failure) }
            upkeep.begin(image, ranges: ranges, groups: [], survivors: [])
            while upkeep.isBusy {
                if try upkeep.step() == .waitingForLog {
                    throw .page(.contradiction("it ends with a record that the log does not have"))
                }
                switch upkeep.takeOutcome() {
                case nil: break
                case .committed(let frozen): engine.pages.committed(frozen)
                case .abandoned(let frozen, let error):
                    engine.pages.abandoned(frozen)
                    throw .snapshots(error)
                }
            }
        }
    }
}

extension StoreFault {
    /// Whether it is the state that cannot be used, though the disk answers: then it can be made
    /// anew from the log.
    var isDamageOfState: Bool {
        switch self {
        case .page(let failure): !failure.isReadError
        case .unreadableSnapshots: isRefusalOfData
        // So it is while the state is being made anew.
        case .log(.snapshotMissing): true
        // A whole snapshot that says what cannot be is another version's, not damaged.
        case .directory, .snapshots, .log, .root: false
        }
    }
}

extension DamageReport {
    mutating func note(_ recovery: LogRecoveryReport) {
        damages = recovery.damages
        damageCount = recovery.damageCount
        missing = recovery.missing
        missingRecordCount = recovery.missingRecordCount
        uncopiedByteCount = recovery.uncopiedByteCount
    }
}
