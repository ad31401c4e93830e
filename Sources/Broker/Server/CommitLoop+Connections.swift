internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
package import NIOCore

// Who is connected, and when nothing more is read from them.
extension CommitLoop {
    /// What serves one client: the only handler of its channel.
    package func makeHandler(allocator: ByteBufferAllocator) -> any ChannelHandler & Sendable {
        ConnectionHandler(loop: self, allocator: allocator)
    }

    /// Takes a connection in; nil where there are as many as may be.
    func connected(_ connection: ConnectionHandler) -> UInt32? {
        guard connections.count < configuration.connectionCountMax, !isDraining else { return nil }
        repeat {
            connectionNumber &+= 1
        } while connectionNumber == 0
            || connections[connectionNumber] != nil
        connections[connectionNumber] = connection
        return connectionNumber
    }

    func disconnected(_ connection: ConnectionHandler) {
        guard connections.removeValue(forKey: connection.number) != nil else { return }
        _ = waits.removeAll(of: connection)
        if let producer = connection.producer { engine.producerDisconnected(producer) }
    }

    var connectionCount: Int { connections.count }
    var waitCount: Int { waits.count }

    /// Whether requests are left in the sockets because the disk is behind: with a commit, or with
    /// a snapshot that changed pages are waiting for.
    var isSaturated: Bool {
        isGathering && gathering.byteCount > gatheredByteCountMax
            || isWaitingForSegments || engine.jobCount > paidJobCountMax
            || engine.rootByteCountMax > paidRootByteCountMax
            || engine.pages.dirtyPageCount > unwrittenPageCountMax
    }

    func pause(_ connection: ConnectionHandler) {
        connectionsPaused.append(connection)
    }

    func resumeReading() {
        guard !connectionsPaused.isEmpty, !isSaturated else { return }
        let paused = connectionsPaused
        connectionsPaused.removeAll()
        for connection in paused { connection.resumeReading() }
    }
}
