"""Reads segments' bytes as docs/log-format.md and docs/records.md describe them: which write carried
which record. Bytes that fail a checksum count as not written."""

import struct

FRAME_MAGIC = b"HFRM"
SEGMENT_MAGIC = b"HFSEGMNT"
FRAME_HEADER = 48
BLOCK = 4096

KINDS = {1: "birth", 2: "lease", 3: "ack", 4: "return", 5: "due", 6: "heartbeat", 7: "reject",
         8: "redrive", 9: "cancel", 10: "queue", 11: "producer"}


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Record:
    """`items` are pairs of job (LSN of its birth) and version; `note` is the queue's number, for a
    queue's creation with its name."""

    __slots__ = ("lsn", "kind", "items", "note", "frame")

    def __init__(self, lsn, kind, items, note, frame):
        self.lsn = lsn
        self.kind = kind
        self.items = items
        self.note = note
        self.frame = frame


class Frame:
    """One commit, and the writes that carried it and what it stands on."""

    __slots__ = ("first", "last", "writes", "path")

    def __init__(self, first, last, writes, path):
        self.first = first
        self.last = last
        self.writes = writes
        self.path = path


class Log:
    """Everything that was written into segments, in the order of the trace."""

    def __init__(self, fault):
        self.fault = fault
        self.frames = []
        self.records = {}
        self.headers = {}     # file → (salt, the write that carried it)
        self.unfinished = {}  # file → (offset, bytes, writes) of a frame cut by a short write

    def add(self, write):
        data, offset, writes = write.data, write.offset, [write]
        rest = self.unfinished.pop(write.file, None)
        if rest and rest[0] + len(rest[1]) == offset:
            offset, data, writes = rest[0], rest[1] + data, rest[2] + writes
        position = -offset % BLOCK
        while position < len(data):
            step = BLOCK
            if data.startswith(SEGMENT_MAGIC, position):
                self._header(write, data[position:position + 64])
            elif FRAME_MAGIC.startswith(data[position:position + 4]):
                if position + FRAME_HEADER > len(data):
                    self.unfinished[write.file] = (offset + position, data[position:], writes)
                    return
                length, = struct.unpack_from("<I", data, position + 4)
                end = position + FRAME_HEADER + length
                if end > len(data):
                    self.unfinished[write.file] = (offset + position, data[position:], writes)
                    return
                self._frame(write, data[position:end], offset + position, writes)
                step = (FRAME_HEADER + length + BLOCK - 1) // BLOCK * BLOCK
            position += step

    def _header(self, write, header):
        if crc32c(header[:60]) == struct.unpack_from("<I", header, 60)[0]:
            self.headers[write.file] = (struct.unpack_from("<Q", header, 40)[0], write)

    def _frame(self, write, frame, offset, writes):
        if write.file not in self.headers:
            self.fault(write.entered, "a frame is written to a file without a segment's header")
            return
        salt, header_write = self.headers[write.file]
        checksum, = struct.unpack_from("<I", frame, 44)
        if crc32c(frame[:44], crc32c(struct.pack("<QQ", salt, offset))) != checksum:
            self.fault(write.entered, f"the frame at {offset} has a bad header")
            return
        first, count = struct.unpack_from("<QI", frame, 8)
        payload = frame[FRAME_HEADER:]
        if crc32c(payload) != struct.unpack_from("<I", frame, 40)[0]:
            self.fault(write.entered, f"the frame at {offset} has a bad payload")
            return
        if count == 0:
            return
        found = Frame(first, first + count - 1, writes + [header_write], write.path)
        self.frames.append(found)
        position = 0
        for lsn in range(first, first + count):
            head, = struct.unpack_from("<I", payload, position)
            position += 12 if head >> 31 else 4
            length = head & 0x0FFFFFFF
            body = payload[position:position + length]
            position += length
            if lsn not in self.records:
                self.records[lsn] = self._record(lsn, body, found)

    @staticmethod
    def _record(lsn, body, frame):
        kind = KINDS.get(body[0] & 0x7F, "unknown")
        items, note = [], None
        if kind == "birth":
            items = [(lsn, 0)]
            note, = struct.unpack_from("<I", body, 4)
        elif kind == "lease":
            runs, = struct.unpack_from("<H", body, 2)
            start = 16 + 8 * runs
            items = [struct.unpack_from("<QI", body, at) for at in range(start, len(body) - 11, 12)]
        elif kind in ("ack", "reject", "redrive", "cancel"):
            count, = struct.unpack_from("<H", body, 2)
            items = [struct.unpack_from("<QI", body, 4 + 12 * index) for index in range(count)]
        elif kind == "return":
            count, = struct.unpack_from("<H", body, 2)
            items = [struct.unpack_from("<QI", body, 8 + 24 * index) for index in range(count)]
        elif kind == "queue" and body[2] == 1:
            note = struct.unpack_from("<I", body, 4)[0], body[36:36 + body[3]]
        elif kind == "heartbeat":
            count, = struct.unpack_from("<H", body, 2)
            at = 4
            for _ in range(count):
                lsn_of_job, version, _, length = struct.unpack_from("<QIIH", body, at)
                items.append((lsn_of_job, version))
                at += 18 + (0 if length == 0xFFFF else length)
        return Record(lsn, kind, items, note, frame)
