internal import Foundation
internal import HoldfastProtocol
internal import NIOCore

/// One start of a broker on what it left behind, as a client sees it that has been waiting for it.
struct MeasuredStart {
    /// From before the process was made until a job was received.
    let milliseconds: Double
    /// Once it serves.
    let memory: ProcessFigures.Memory
    /// What its ready line says, by name.
    let readyFields: [String: String]

    /// - Parameter number: which start on this directory it is, from 1.
    init(_ broker: BrokerProcess, queue: String, number: Int) throws {
        let begin = MonotonicTime.nanoseconds
        try broker.spawn()
        let connection = try Self.connect(to: broker)
        var request = ByteBuffer()
        HelloRequest.write(
            correlation: 0, producer: nil, clientName: "bench restart", into: &request)
        LeaseRequest.write(
            correlation: 1,
            order: LeaseOrder(count: 1, waitMilliseconds: 60_000, durationMilliseconds: 600_000),
            queue: queue, into: &request)
        try connection.send(request)
        try connection.receive(.hello) { _ in }
        let jobCount = try connection.receive(.lease) { try LeaseReply(to: .lease, body: $0).count }
        milliseconds = Double(MonotonicTime.nanoseconds - begin) / 1e6
        guard jobCount == 1 else { throw BenchFault("there was no job to lease after a start") }
        memory = try ProcessFigures.memory(of: broker.identifier)
        readyFields = try Self.readyFields(of: broker, start: number)
    }

    /// Tries every millisecond. Whoever connects before the broker serves waits in its listening
    /// socket.
    private static func connect(to broker: BrokerProcess) throws -> WireConnection {
        while true {
            if let descriptor = LoopbackPort.connect(to: broker.port) {
                return WireConnection(descriptor: descriptor)
            }
            try broker.checkRunning()
            usleep(1_000)
        }
    }

    /// The line may be written a moment after the first answer.
    private static func readyFields(
        of broker: BrokerProcess, start: Int
    ) throws -> [String: String] {
        for _ in 0..<500 {
            let log = (try? String(contentsOfFile: broker.logPath, encoding: .utf8)) ?? ""
            let lines = log.split(separator: "\n").filter { $0.contains("] ready ") }
            if lines.count == start {
                var fields: [String: String] = [:]
                for word in lines[start - 1].split(separator: " ") {
                    let parts = word.split(separator: "=", maxSplits: 1)
                    if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
                }
                return fields
            }
            usleep(10_000)
        }
        throw BenchFault("the broker serves, but has not said that it is ready")
    }
}
