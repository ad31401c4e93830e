/// What the bytes at some place of a data directory are there for.
package enum StoreFileKind: String, Sendable, CaseIterable {
    case store = "STORE"
    case lock = "LOCK"
    case sealedSegment = "sealed segment"
    case activeSegment = "active segment"
    /// Prepared, or to be put away by the next opening.
    case otherSegment = "other segment"
    case compactedSegment = "compacted segment"
    case sidecar
    case newestSnapshot = "newest snapshot"
    case previousSnapshot = "previous snapshot"
    /// A slot that is to be written over.
    case formerSnapshot = "former snapshot"
    // Of the newest snapshot.
    case leafPage = "leaf page"
    case branchPage = "branch page"
    case chainPage = "chain page"
    case bitmapPage = "bitmap page"
    case arrayPage = "array page"
    /// Of the snapshot before, or of none.
    case otherPage = "other page"
    case pool = "pool file"
    case quarantine = "put aside"

    /// What every store has whose bits are flipped.
    package static let required = Set(allCases).subtracting([.otherSegment, .quarantine])

    /// Whether a changed byte may be passed over in silence by all who look: nothing is ever read
    /// there, or only as long as something else proves it right.
    var mayBeSilent: Bool {
        switch self {
        case .lock, .pool, .quarantine, .formerSnapshot, .otherPage, .otherSegment: true
        // Behind its end a slot holds what is left of a longer snapshot.
        case .newestSnapshot, .previousSnapshot: true
        case .store, .sealedSegment, .activeSegment, .compactedSegment, .sidecar, .leafPage,
            .branchPage, .chainPage, .bitmapPage, .arrayPage:
            false
        }
    }
}
