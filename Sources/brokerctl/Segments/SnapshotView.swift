internal import HoldfastConsole
internal import HoldfastSnapshots

/// A slot for a snapshot, as people and programs are shown it.
enum SnapshotView {
    static func state(_ slot: SnapshotInspection.Slot) -> String {
        switch slot {
        case .empty: "empty"
        case .whole: "whole"
        case .passedOver: "not whole"
        case .otherVersion: "other version"
        case .foreign: "of another store"
        case .unreadable: "unreadable"
        }
    }

    static func row(_ slot: Int, _ content: SnapshotInspection.Slot) -> [String] {
        guard case .whole(let summary) = content else {
            return [String(slot), state(content), "", "", "", "", ""]
        }
        return [
            String(slot), state(content), String(summary.number), String(summary.lastLSN),
            String(summary.byteCount), String(summary.usedPageCount),
            String(summary.segments.count),
        ]
    }

    static func json(_ slot: Int, _ content: SnapshotInspection.Slot) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("slot", .number(slot)), ("state", .text(state(content))),
        ]
        switch content {
        case .whole(let summary):
            members += [
                ("snapshot", .unsigned(summary.number)), ("last_lsn", .unsigned(summary.lastLSN)),
                ("time_ms", .number(summary.frameTime)), ("bytes", .number(summary.byteCount)),
                ("root_bytes", .number(summary.rootByteCount)),
                ("pages", .number(summary.usedPageCount)),
                ("segments", .number(summary.segments.count)),
            ]
        case .passedOver(let reason, let number):
            members += [
                ("snapshot", .optional(number) { .unsigned($0) }), ("reason", .text(reason)),
            ]
        case .unreadable(let error): members.append(("reason", .text("\(error)")))
        case .otherVersion(let version): members.append(("version", .number(version)))
        case .foreign(let uuid): members.append(("store", .text("\(uuid)")))
        case .empty: break
        }
        return .object(members)
    }
}
