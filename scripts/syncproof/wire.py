"""The broker's connections as the trace shows them, cut into requests and replies."""

import struct

RECEIVES = {"read", "readv", "recvfrom", "recvmsg"}
SENDS = {"write", "writev", "sendto", "sendmsg"}


class Reply:
    """A reply, the request that it answers, and the line at which its first byte began to leave."""

    __slots__ = ("kind", "request_kind", "request", "body", "sent", "connection")

    def __init__(self, kind, request_kind, request, body, sent, connection):
        self.kind = kind
        self.request_kind = request_kind
        self.request = request
        self.body = body
        self.sent = sent
        self.connection = connection


class Connection:
    def __init__(self, number):
        self.number = number
        self.received = b""
        self.requests = {}   # correlation → (kind, body), unanswered
        self.sent = b""
        self.sent_from = []  # (offset in the stream, line at which the send was entered)
        self.sent_offset = 0


class Wire:
    """Follows sockets that were accepted; `replies` are all replies in the order of their sending."""

    def __init__(self, fault):
        self.fault = fault
        self.connections = {}
        self.replies = []
        self.count = 0

    def leave(self, call):
        name = call.name
        if name in ("accept", "accept4"):
            if call.result is not None and call.result >= 0:
                self.count += 1
                self.connections[call.result] = Connection(self.count)
            return
        connection = self.connections.get(call.descriptor)
        if connection is None:
            return
        if name == "close":
            del self.connections[call.descriptor]
        elif call.result is None or call.result <= 0:
            return
        elif name in RECEIVES:
            connection.received += call.data[:call.result]
            self._requests(connection)
        elif name in SENDS:
            end = connection.sent_offset + len(connection.sent)
            connection.sent_from.append((end, call.entered))
            connection.sent += call.data[:call.result]
            self._replies(connection)

    def _requests(self, connection):
        for kind, correlation, body in self._frames(connection, "received"):
            connection.requests[correlation] = (kind, body)

    def _replies(self, connection):
        start = connection.sent_offset
        for kind, correlation, body in self._frames(connection, "sent"):
            while len(connection.sent_from) > 1 and connection.sent_from[1][0] <= start:
                connection.sent_from.pop(0)
            sent = connection.sent_from[0][1]
            request_kind, request = connection.requests.pop(correlation, (None, b""))
            if request_kind is None and correlation != 0:
                self.fault(sent, f"a reply to correlation {correlation}, which nobody asked for")
            self.replies.append(Reply(kind, request_kind, request, body, sent, connection))
            start += 12 + len(body)
        connection.sent_offset = start

    @staticmethod
    def _frames(connection, name):
        data, offset, frames = getattr(connection, name), 0, []
        while len(data) - offset >= 12:
            length, kind, _, _, correlation = struct.unpack_from("<IBBHI", data, offset)
            if len(data) - offset < 4 + length:
                break
            frames.append((kind, correlation, data[offset + 12:offset + 4 + length]))
            offset += 4 + length
        setattr(connection, name, data[offset:])
        return frames
