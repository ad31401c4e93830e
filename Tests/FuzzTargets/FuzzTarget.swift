/// The parsers that are fed with whatever bytes: by libFuzzer (`make fuzz`), and with the corpora under
/// `fuzz/corpus` by the tests. A target ends the process where a parser traps, and nowhere else: what
/// is read or refused is fine. Public, since the package of the fuzzer is another one.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A frame as it comes from a socket, request or reply.
    case frame
    /// A kind, and the body of a request.
    case request
    /// A kind, and the body of a reply, as a client reads it.
    case reply
    /// Records and gaps, replayed and put together anew by engines that begin empty.
    case record
    /// Changes of the pages of a map, a bitmap, a chain and an array.
    case page
    /// A set of page numbers.
    case pageSet = "page-set"
    /// Changes of the engine's root in a snapshot.
    case root
    /// Changes of a segment: its headers, START, marks, frames.
    case segment
    /// Changes of the index beside a sealed segment.
    case sidecar
    /// Changes of a compacted segment.
    case compacted
    /// Changes of a snapshot file.
    case snapshot
    /// Changes of the file STORE.
    case identity
    /// The lines of the file `known-damage`.
    case knownDamage = "known-damage"
    /// A history of what clients saw.
    case history
    /// Changes of any files of a store, which is then verified, opened past its damage, and read.
    case store
    /// The same, opened past its damage and served from.
    case serving
    /// The same, with each tool for a damaged store.
    case tools

    public func run(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .frame: FrameTarget.frame(bytes)
        case .request: FrameTarget.request(bytes)
        case .reply: FrameTarget.reply(bytes)
        case .record: RecordTarget.run(bytes)
        case .page: PageTarget.run(bytes)
        case .pageSet: PageTarget.set(bytes)
        case .root: StoreTarget.root(bytes)
        case .segment: StoreTarget.segment(bytes)
        case .sidecar: StoreTarget.sidecar(bytes)
        case .compacted: StoreTarget.compacted(bytes)
        case .snapshot: StoreTarget.snapshot(bytes)
        case .identity: StoreTarget.identity(bytes)
        case .knownDamage: StoreTarget.knownDamage(bytes)
        case .history: HistoryTarget.run(bytes)
        case .store: StoreTarget.store(bytes)
        case .serving: ServingTarget.run(bytes)
        case .tools: ToolsTarget.run(bytes)
        }
    }
}
