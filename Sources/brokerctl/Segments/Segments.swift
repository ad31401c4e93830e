internal import ArgumentParser

struct Segments: AsyncParsableCommand, Noun {
    static let configuration = CommandConfiguration(
        commandName: "segment",
        abstract:
            "The log of a stopped broker, or of a copy: what is in it, and whether it is whole.",
        discussion: "Nothing is changed; a directory that may only be read will do.",
        subcommands: [SegmentList.self, SegmentDump.self, SegmentVerify.self])
}
