import HoldfastDisk
package import HoldfastSimulation

/// What is wrong with one call of a sweep, and with those after it where it lasts.
package enum SweepFault: String, Sendable, CaseIterable {
    // Errors.
    /// EIO once; after a failed sync the pages are kept and taken for written.
    case ioError = "eio"
    /// The same for syncs: the pages show what is on the disk, or are still to be written.
    case ioErrorReverted = "eio-reverted"
    case ioErrorDirty = "eio-dirty"
    /// Every call from there on, or every sync with its pages.
    case ioErrorLasting = "eio-lasting"
    case ioErrorRevertedLasting = "eio-reverted-lasting"
    case ioErrorDirtyLasting = "eio-dirty-lasting"
    /// EIO after a part of the bytes was taken.
    case shortWrite = "short-write"
    /// ENOSPC and EDQUOT where a call needs space that it was not given yet.
    case noSpace = "enospc"
    case noSpaceLasting = "enospc-lasting"
    case quota = "edquot"
    case quotaLasting = "edquot-lasting"
    /// ENOSPC of a sync, as from a thin volume.
    case noSpaceSync = "enospc-sync"
    /// The volume has no block left; what was reserved can be written.
    case fullVolume = "full"
    case noInodes = "no-inodes"
    // Lies.
    case lostWrite = "lost-write"
    case misdirectedAhead = "misdirected-ahead"
    case misdirectedBack = "misdirected-back"
    case foreignWrite = "foreign-write"
    case flippedWrite = "flipped-write"
    case swappedWrite = "swapped-write"
    case lostSync = "lost-sync"
    /// EIO of the sync after the one that has lost something, with the pages in each of the three ways.
    case lateError = "late-error"
    case lateErrorReverted = "late-error-reverted"
    case lateErrorDirty = "late-error-dirty"
    case lateErrorLasting = "late-error-lasting"
    case lateErrorRevertedLasting = "late-error-reverted-lasting"
    case lateErrorDirtyLasting = "late-error-dirty-lasting"
    case flippedRead = "flipped-read"
    case shortRead = "short-read"
    case shortReadLasting = "short-read-lasting"
    case emptyRead = "empty-read"
    case emptyReadLasting = "empty-read-lasting"

    /// Whether the call says that it has done what it was asked.
    package var isLie: Bool {
        switch self {
        case .ioError, .ioErrorReverted, .ioErrorDirty, .ioErrorLasting, .ioErrorRevertedLasting,
            .ioErrorDirtyLasting, .shortWrite, .noSpace, .noSpaceLasting, .quota, .quotaLasting,
            .noSpaceSync, .fullVolume, .noInodes:
            false
        case .lostWrite, .misdirectedAhead, .misdirectedBack, .foreignWrite, .flippedWrite,
            .swappedWrite, .lostSync, .lateError, .lateErrorReverted, .lateErrorDirty,
            .lateErrorLasting, .lateErrorRevertedLasting, .lateErrorDirtyLasting, .flippedRead,
            .shortRead, .shortReadLasting, .emptyRead, .emptyReadLasting:
            true
        }
    }

    private static let syncs: Set<DiskError.Call> = [.sync, .syncDirectory, .writeDurably]
    private static let obtaining: Set<DiskError.Call> = [
        .create, .makeDirectory, .rename, .allocate, .write, .writeDurably,
    ]

    /// - Parameters:
    ///   - number: of the call that it begins with, from 1.
    ///   - calls: as they are made without a fault.
    /// - Returns: nil where such a fault cannot concern that call.
    package func fault(at number: Int, of calls: [SimulatedCall]) -> SimulatedFault? {
        guard calls.indices.contains(number - 1) else { return nil }
        let call = calls[number - 1]
        guard var fault = fault(of: call, choice: ContentHash.mix(7, UInt64(number))),
            fault.concerns(call)
        else { return nil }
        if fault.fillsVolume, !call.obtainsSpace { return nil }
        fault.position = calls[..<number].count { fault.concerns($0) }
        return fault
    }

    private func fault(of call: SimulatedCall, choice: UInt64) -> SimulatedFault? {
        let ioError = DiskError.inputOutput
        let choice = Int(choice >> 1)
        switch self {
        case .ioError: return SimulatedFault(code: ioError)
        case .ioErrorReverted: return Self.failing(.reverted, isPersistent: false)
        case .ioErrorDirty: return Self.failing(.keptDirty, isPersistent: false)
        case .ioErrorLasting: return SimulatedFault(code: ioError, isPersistent: true)
        case .ioErrorRevertedLasting: return Self.failing(.reverted, isPersistent: true)
        case .ioErrorDirtyLasting: return Self.failing(.keptDirty, isPersistent: true)
        case .shortWrite:
            return SimulatedFault(
                [.write, .writeDurably], code: ioError,
                writtenByteCount: call.byteCount > 4_096 ? 4_096 : 512)
        case .noSpace: return Self.full(DiskError.noSpace, isPersistent: false)
        case .noSpaceLasting: return Self.full(DiskError.noSpace, isPersistent: true)
        case .quota: return Self.full(DiskError.quotaExceeded, isPersistent: false)
        case .quotaLasting: return Self.full(DiskError.quotaExceeded, isPersistent: true)
        case .noSpaceSync: return SimulatedFault(Self.syncs, code: DiskError.noSpace)
        case .fullVolume: return .fullVolume(position: 1)
        case .noInodes: return .noInodes(position: 1)
        case .lostWrite: return SimulatedFault(.lostWrite)
        case .misdirectedAhead: return SimulatedFault(.misdirectedWrite(byBlocks: 1))
        case .misdirectedBack: return SimulatedFault(.misdirectedWrite(byBlocks: -1))
        case .foreignWrite: return SimulatedFault(.foreignWrite(choice: choice))
        case .flippedWrite: return SimulatedFault(.flippedWrite(bit: choice))
        case .swappedWrite:
            return call.byteCount > 4_096 ? SimulatedFault(.swappedWrite) : nil
        case .lostSync: return SimulatedFault(.lostSync)
        case .lateError: return Self.late(.keptClean, isPersistent: false)
        case .lateErrorReverted: return Self.late(.reverted, isPersistent: false)
        case .lateErrorDirty: return Self.late(.keptDirty, isPersistent: false)
        case .lateErrorLasting: return Self.late(.keptClean, isPersistent: true)
        case .lateErrorRevertedLasting: return Self.late(.reverted, isPersistent: true)
        case .lateErrorDirtyLasting: return Self.late(.keptDirty, isPersistent: true)
        case .flippedRead: return SimulatedFault(.flippedRead(bit: choice))
        case .shortRead: return Self.short(call, call.byteCount / 2, isPersistent: false)
        case .shortReadLasting: return Self.short(call, call.byteCount / 2, isPersistent: true)
        case .emptyRead: return Self.short(call, 0, isPersistent: false)
        case .emptyReadLasting: return Self.short(call, 0, isPersistent: true)
        }
    }

    private static func full(_ code: Int32, isPersistent: Bool) -> SimulatedFault {
        var fault = SimulatedFault(obtaining, code: code, isPersistent: isPersistent)
        fault.isOfObtaining = true
        return fault
    }

    /// Syncs of files only: a directory has no pages.
    private static func failing(
        _ pages: PagesAfterFailure, isPersistent: Bool
    ) -> SimulatedFault {
        SimulatedFault(
            [.sync, .writeDurably], code: DiskError.inputOutput, isPersistent: isPersistent,
            pages: pages)
    }

    private static func late(_ pages: PagesAfterFailure, isPersistent: Bool) -> SimulatedFault {
        SimulatedFault(
            .lateError(code: DiskError.inputOutput, pages: pages), isPersistent: isPersistent)
    }

    private static func short(
        _ call: SimulatedCall, _ byteCount: Int, isPersistent: Bool
    ) -> SimulatedFault {
        SimulatedFault(
            .shortRead(byteCount: byteCount), pathPart: call.path, isPersistent: isPersistent)
    }
}

extension SimulatedHit {
    /// Whether nobody knows after it what is on the disk, so that the process has to end (L8).
    var isFatal: Bool {
        guard lie == nil, let code = call.code else { return false }
        switch call.call {
        case .sync, .syncDirectory, .writeDurably: return true
        // A volume that is full has taken nothing.
        case .write: return !DiskError(call.call, call.path, code: code).isNoSpace
        default: return false
        }
    }

    /// Whether it only says that there is no space for something that nothing refers to yet, which
    /// never ends a process that serves (L5).
    var isSurvivable: Bool {
        guard lie == nil, let code = call.code,
            DiskError(call.call, call.path, code: code).isNoSpace,
            [Activity.appending, Activity.maintaining, Activity.none].contains(activity)
        else { return false }
        switch call.call {
        case .create, .makeDirectory, .allocate: return true
        case .write: return call.obtainsSpace
        case .rename: return call.path.hasPrefix("log/") || call.path.hasPrefix("pool/")
        default: return false
        }
    }

    /// Whether bytes of that call were not where they were said to be, or not what they were.
    func hasTouched(_ other: SimulatedCall) -> Bool {
        guard call.path == other.path, lie != nil else { return false }
        if case .shortRead = lie { return false }
        if call.call == .sync { return true }
        return call.offset < other.offset + other.byteCount
            && other.offset < call.offset + call.byteCount
    }
}
