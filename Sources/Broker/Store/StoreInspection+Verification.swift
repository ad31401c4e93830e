internal import HoldfastEngine
internal import HoldfastPages
package import HoldfastRecords
package import HoldfastSnapshots
package import HoldfastWAL

/// What was looked at, and what was found.
package struct StoreVerification: Sendable {
    package internal(set) var damages: [StoreDamage]
    /// Damage that a repair has left behind it, and records that are gone since then (`KnownDamage`).
    package let known: [StoreDamage]
    package let missing: [ClosedRange<LSN>]
    package let log: LogInspection.Summary
    package let pages: SnapshotInspection.PageSummary
    /// Pages that the state consists of; nil where it cannot be restored.
    package internal(set) var reachablePageCount: Int?
    /// Whether every job was looked at. Where there are very many of them, they are only counted.
    package internal(set) var isEveryJobChecked = false
    /// Jobs that are not done; nil where the state cannot be restored.
    package internal(set) var jobCount: Int?
    /// Why the state could not be looked at; nil where it could.
    package internal(set) var unknown: String?
}

extension StoreInspection {
    /// Reads every byte of the log and of the snapshots and every page that they need, restores the
    /// state that a broker would start with, and checks that all of it fits together (I1, I8, I9,
    /// I11, I12).
    package func verify() throws(StoreFault) -> StoreVerification {
        var damages = slotDamages
        let log: LogInspection.Summary
        do throws(LogError) {
            log = try self.log.verify { damages.append(.log($0)) }
            damages += try previousListingDamages(besides: damages)
        } catch {
            throw .log(error)
        }
        let pages: SnapshotInspection.PageSummary
        do throws(SnapshotError) {
            pages = try snapshots.verifyPages { page in
                var numbers: [UInt64] = []
                if page.isInNewest, let newest = snapshots.newest { numbers.append(newest.number) }
                if page.isInPrevious, let previous = snapshots.previous {
                    numbers.append(previous.number)
                }
                damages.append(.page(damage(page.number, page.fault, numbers)))
            }
        } catch {
            throw .snapshots(error)
        }
        let known = KnownDamage(in: fileSystem)
        let isKnown = damages.map { known.knows($0, in: fileSystem) }
        func found(known: Bool) -> [StoreDamage] {
            zip(damages, isKnown).filter { $0.1 == known }.map(\.0)
        }
        var result = StoreVerification(
            damages: found(known: false), known: found(known: true), missing: known.missing,
            log: log, pages: pages)
        verifyState(&result)
        return result
    }

    private var slotDamages: [StoreDamage] {
        snapshots.slots.enumerated().compactMap { slot, content in
            switch content {
            case .empty, .whole: nil
            case .passedOver(let reason, let number):
                .slot(slot, reason: reason, number: number)
            case .otherVersion(let version):
                .slot(slot, reason: "it has format \(version)", number: nil)
            case .foreign(let uuid):
                .slot(slot, reason: "it belongs to another store (\(uuid))", number: nil)
            case .unreadable(let error):
                .slot(slot, reason: "\(error)", number: nil)
            }
        }
    }

    /// The log is verified against what the newest snapshot lists; the one before must have its
    /// segments too, or it could not take the other's place.
    private func previousListingDamages(
        besides known: [StoreDamage]
    ) throws(LogError) -> [StoreDamage] {
        guard let previous = snapshots.previous else { return [] }
        var damages: [StoreDamage] = []
        var salts: Set<UInt64> = []
        for segment in try log.segments() {
            if let salt = try SegmentSummary(segment, in: fileSystem)?.salt { salts.insert(salt) }
        }
        // Of one file's life there is one salt.
        for segment in previous.segments where !salts.contains(segment.salt) {
            let isNamed = known.contains {
                if case .log(let damage) = $0 {
                    damage.segmentNumber == segment.number
                } else {
                    false
                }
            }
            if isNamed { continue }
            damages.append(
                .previousListing(segment: segment.number, snapshotNumber: previous.number))
        }
        return damages
    }

    private func damage(
        _ number: UInt32, _ fault: PageFault, _ snapshotNumbers: [UInt64]
    ) -> StoreDamage.PageDamage {
        // Numbers start at 1, and each file holds as many pages as the newest snapshot says.
        let position = max(1, Int(number)) - 1
        let extentPageCount =
            snapshots.newest?.extentPageCount
            ?? configuration.snapshotFiles(ofSegments: identity.segmentByteCount).extentPageCount
        return StoreDamage.PageDamage(
            number: number, path: SnapshotLayout.extent(position / extentPageCount),
            offset: position % extentPageCount * PageFormat.byteCount, fault: fault,
            snapshotNumbers: snapshotNumbers)
    }

    private func verifyState(_ result: inout StoreVerification) {
        let listed = snapshots.newest?.segments ?? []
        do throws(StoreFault) {
            var faults: [StoreDamage] = []
            let store = try restore { engine in
                faults += invariantFaults(of: engine, &result)
                result.reachablePageCount = Self.walk(engine, &faults)
                for segment in listed {
                    let lsns = SegmentSummary(segment).lsns
                    let liveCount = lsns.map { engine.liveCount(in: $0) } ?? 0
                    guard UInt64(liveCount) != segment.liveCount else { continue }
                    faults.append(
                        .state(
                            "segment \(segment.number) should have \(segment.liveCount) jobs that "
                                + "are not done, and has \(liveCount)"))
                }
            }
            // What the log adds to a state that adds up has to add up again.
            if faults.isEmpty { faults += invariantFaults(of: store.engine, &result) }
            // A page that fails reads as an empty one: then only that counts, and was thrown above.
            if let failure = store.engine.pages.failure { throw .page(failure) }
            result.damages += faults
            result.jobCount = store.engine.jobCount
        } catch {
            result.unknown = "\(error)"
            // Damage to the log, and what it leads to, was named already.
            if case .page(let failure) = error {
                add(failure, &result)
            } else if result.damages.isEmpty {
                result.damages.append(.start("\(error)"))
            }
        }
    }

    /// Jobs that are looked at one by one: it takes about 100 bytes of memory for each.
    static let checkedJobCountMax = 5_000_000

    private func invariantFaults(
        of engine: borrowing JobEngine, _ result: inout StoreVerification
    ) -> [StoreDamage] {
        guard engine.jobCount <= Self.checkedJobCountMax else { return [] }
        result.isEveryJobChecked = true
        return engine.invariantFaults().map { .state($0) }
    }

    /// Does what a start does, and reads every page of the state besides.
    ///
    /// - Throws: what the start would be refused for, or `page` where one cannot be used, or where
    ///   what they say contradicts itself. Where there are very many jobs, what the pages say of each of
    ///   them is not compared.
    package func readEveryPage() throws(StoreFault) {
        var faults: [StoreDamage] = []
        func check(_ engine: borrowing JobEngine) {
            // To compare what they say is to read them.
            guard engine.jobCount <= Self.comparedJobCountMax else { return engine.readEveryPage() }
            faults += engine.invariantFaults().map { .state($0) }
        }
        let store = try restore { engine in
            check(engine)
            _ = Self.walk(engine, &faults)
        }
        if faults.isEmpty { check(store.engine) }
        if let failure = store.engine.pages.failure { throw .page(failure) }
        if case .state(let reason) = faults.first { throw .page(.contradiction(reason)) }
    }

    /// At a start, which has no more memory than the broker; about 100 bytes for each, too.
    private static let comparedJobCountMax = 500_000

    /// A page that the walk over all of them found damaged need not be named twice; one that is
    /// whole and not the one referred to is found by restoring only.
    private func add(_ failure: PageFailure, _ result: inout StoreVerification) {
        switch failure {
        case .contradiction(let reason): result.damages.append(.state(reason))
        case .page(let reference, _, let fault):
            let isNamed = result.damages.contains {
                if case .page(let page) = $0 { page.number == reference.number } else { false }
            }
            guard !isNamed else { return }
            let needing = snapshots.newest.map { [$0.number] } ?? []
            result.damages.append(.page(damage(reference.number, fault, needing)))
        }
    }

    /// Goes over every page that the state refers to: each belongs to it once.
    private static func walk(
        _ engine: borrowing JobEngine, _ damages: inout [StoreDamage]
    ) -> Int {
        var seen = PageSet()
        var twice = 0
        var strange = 0
        let used = engine.pages.usedPages
        engine.forEachPage { reference, _ in
            if reference.isNone { return }
            // A set takes memory up to its highest number, so any number does not go into it.
            if !used.contains(reference.number) {
                strange += 1
            } else if !seen.insert(reference.number) {
                twice += 1
            }
        }
        if twice > 0 {
            damages.append(.state("\(twice) references lead to pages that are in use elsewhere"))
        }
        if strange > 0 {
            damages.append(.state("\(strange) references lead to pages that are not in use"))
        }
        return seen.count
    }
}
