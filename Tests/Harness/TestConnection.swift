internal import Foundation
package import HoldfastModel

/// A blocking connection to a broker, one thread's own, that speaks docs/protocol.md byte by byte
/// and shows everything that comes back.
package final class TestConnection {
    package struct Frame {
        package let kind: UInt8
        package let correlation: UInt32
        package let body: [UInt8]
    }

    /// The connection is gone, or was never there.
    package struct Disconnected: Error, CustomStringConvertible {
        package let description: String
    }

    /// A whole request was refused.
    package struct Refused: Error, Equatable, CustomStringConvertible {
        package let code: RefusalCode
        package let message: String
        package var description: String { "\(code.name): \(message)" }
    }

    private let socket: Int32
    private var nextCorrelation: UInt32 = 1
    private var received: [UInt8] = []
    /// Replies that came before they were asked for.
    private var early: [UInt32: Frame] = [:]
    package private(set) var storeUUID: [UInt8] = []

    /// Connects, and greets unless told not to.
    ///
    /// - Parameter producer: 16 bytes; zeros: enqueues cannot be repeated.
    package init(
        port: Int, producer: [UInt8] = Array(repeating: 0, count: 16), greets: Bool = true
    ) throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard socket >= 0 else { throw TestFault("no socket: \(String(cString: strerror(errno)))") }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
        // Only so that a test ends where a broker does not answer.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(
            socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(socket)
            throw Disconnected(description: "cannot connect to port \(port): \(reason)")
        }
        if greets { try greet(producer: producer) }
    }

    deinit {
        close(socket)
    }

    // MARK: Frames

    /// Sends bytes as they are.
    package func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw Disconnected(description: "cannot send: \(String(cString: strerror(errno)))")
            }
        }
    }

    package static func frame(kind: UInt8, correlation: UInt32, body: [UInt8]) -> [UInt8] {
        BodyWriter.body {
            $0.integer(UInt32(8 + body.count))
            $0.integer(kind)
            $0.raw([0, 0, 0])
            $0.integer(correlation)
            $0.raw(body)
        }
    }

    /// Sends a request and waits for nothing.
    ///
    /// - Returns: its correlation.
    package func send(_ kind: UInt8, _ body: [UInt8] = []) throws -> UInt32 {
        defer { nextCorrelation &+= 1 }
        try write(Self.frame(kind: kind, correlation: nextCorrelation, body: body))
        return nextCorrelation
    }

    /// The next frame that comes; nil where the broker closed the connection.
    package func next() throws -> Frame? {
        guard let header = try take(12) else { return nil }
        var reader = BodyReader(header)
        let length = Int(try reader.integer(UInt32.self))
        let kind = try reader.integer(UInt8.self)
        let rest = try reader.raw(3)
        let correlation = try reader.integer(UInt32.self)
        guard length >= 8, length <= 1 << 20, rest == [0, 0, 0] else {
            throw TestFault("the broker sent a bad frame header: \(header)")
        }
        guard let body = try take(length - 8) else {
            throw Disconnected(description: "the connection ended within a frame")
        }
        return Frame(kind: kind, correlation: correlation, body: body)
    }

    /// Whether the broker closes the connection without saying anything more.
    package func isClosedByBroker() throws -> Bool { try next() == nil }

    private func take(_ count: Int) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while received.count < count {
            let got = recv(socket, &buffer, buffer.count, 0)
            if got > 0 {
                received.append(contentsOf: buffer[..<got])
            } else if got == 0 || errno == ECONNRESET {
                if received.isEmpty { return nil }
                throw Disconnected(description: "the connection ended within a frame")
            } else if errno == EAGAIN {
                throw TestFault("the broker has not answered for 60 s")
            } else if errno != EINTR {
                throw Disconnected(
                    description: "cannot receive: \(String(cString: strerror(errno)))")
            }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// The reply to a request that was sent, in whatever order replies come.
    ///
    /// - Throws: `Refused` where it was.
    package func reply(to correlation: UInt32) throws -> BodyReader {
        var frame = early.removeValue(forKey: correlation)
        while frame == nil {
            guard let next = try next() else {
                throw Disconnected(description: "the broker closed the connection")
            }
            if next.correlation == correlation {
                frame = next
            } else {
                early[next.correlation] = next
            }
        }
        guard let frame else { preconditionFailure("left the loop without a frame") }
        if frame.kind == 0xFF { throw try Self.refusal(frame) }
        return BodyReader(frame.body)
    }

    package static func refusal(_ frame: Frame) throws -> Refused {
        var reader = BodyReader(frame.body)
        let number = try reader.integer(UInt16.self)
        guard frame.kind == 0xFF, let code = RefusalCode(rawValue: number) else {
            throw TestFault("not a refusal that is known: kind \(frame.kind), code \(number)")
        }
        _ = try reader.raw(6)
        let message = try reader.text16()
        try reader.end()
        return Refused(code: code, message: message)
    }

    package func ask(_ kind: UInt8, _ body: [UInt8] = []) throws -> BodyReader {
        try reply(to: try send(kind, body))
    }

    // MARK: The greeting

    package static func greeting(producer: [UInt8] = Array(repeating: 0, count: 16)) -> [UInt8] {
        BodyWriter.body {
            $0.raw("HLDF".utf8)
            $0.integer(UInt16(1))
            $0.integer(UInt16(1))
            $0.raw(producer)
            $0.integer(UInt32(0))
            $0.text8("test")
        }
    }

    private func greet(producer: [UInt8]) throws {
        var reply = try ask(0x01, Self.greeting(producer: producer))
        _ = try reply.raw(4)
        storeUUID = try reply.raw(16)
    }
}
