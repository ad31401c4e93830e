internal import Foundation

/// A file of a broker's log.
struct LogSegment {
    let number: UInt64
    let byteCount: Int

    /// The one that is written to: the last, by its name, of those that have been given a number.
    static func newest(of broker: BrokerProcess) throws -> LogSegment {
        let directory = broker.dataDirectory + "/log"
        let numbers = try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { $0.hasSuffix(".seg") }
        guard let name = numbers.max(), let number = UInt64(name.dropLast(4)) else {
            throw BenchFault("there is no segment in \(directory)")
        }
        var information = stat()
        guard stat(directory + "/" + name, &information) == 0 else {
            throw BenchFault("cannot look at \(directory)/\(name): \(errnoText())")
        }
        return LogSegment(number: number, byteCount: Int(information.st_size))
    }
}
