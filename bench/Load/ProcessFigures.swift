internal import Foundation

/// What the kernel counts of a process, in bytes.
enum ProcessFigures {
    /// Resident memory, of now and the most there ever was.
    struct Memory {
        let resident: UInt64
        let residentMax: UInt64
    }

    static func memory(of process: Int32) throws(BenchFault) -> Memory {
        let fields = try fields(of: "/proc/\(process)/status")
        guard let now = fields["VmRSS"], let most = fields["VmHWM"] else {
            throw BenchFault("process \(process) has no resident memory")
        }
        return Memory(resident: now << 10, residentMax: most << 10)
    }

    /// Bytes that the process has caused to be written to a disk, past the kernel's cache or through
    /// it, less those that were thrown away before they got there (proc_pid_io(5)).
    static func writtenByteCount(of process: Int32) throws(BenchFault) -> UInt64 {
        let fields = try fields(of: "/proc/\(process)/io")
        guard let written = fields["write_bytes"], let cancelled = fields["cancelled_write_bytes"]
        else { throw BenchFault("process \(process) has no account of what it wrote") }
        return written - min(cancelled, written)
    }

    /// Lines of `name: number`, with a unit or without.
    private static func fields(of path: String) throws(BenchFault) -> [String: UInt64] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw BenchFault("cannot read \(path)")
        }
        var fields: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
            if parts.count >= 2, let number = UInt64(parts[1]) { fields[String(parts[0])] = number }
        }
        return fields
    }
}
