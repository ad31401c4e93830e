internal import ArgumentParser

struct Segments: AsyncParsableCommand, Noun {
    static let configuration = CommandConfiguration(
        commandName: "segment",
        abstract:
            "The directory of a stopped broker, or a copy: what is in it, and whether it is whole.",
        discussion:
            "Nothing is changed but by `repair --write` and `rebuild --write`; a directory that may "
            + "only be read will do.",
        subcommands: [
            SegmentList.self, SegmentDump.self, SegmentVerify.self, SegmentStats.self,
            SegmentRepair.self, SegmentRebuild.self,
        ])
}
