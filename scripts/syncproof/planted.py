"""Traces that are made up, most of them of a broker that does wrong: the judge must find each."""

import struct

from . import judge, log
from .judge import holdfast

ROOT = "/data"
SEGMENT = "/data/log/0000000000000001.seg"
SALT = 0x1122334455667788


def text(data):
    return '"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


def segment_header():
    header = struct.pack("<8sII16sQQQI", b"HFSEGMNT", 1, 0, bytes(16), 1, SALT, 1 << 20, 4096)
    return (header + struct.pack("<I", log.crc32c(header))).ljust(4096, b"\0")


def frame(offset, first, *bodies):
    payload = b""
    for index, body in enumerate(bodies):
        if body[0] == 0x81:
            payload += struct.pack("<III", len(body) | 1 << 31, first + index, log.crc32c(body))
        else:
            payload += struct.pack("<I", len(body))
        payload += body
    head = struct.pack("<4sIQIIQqI", b"HFRM", len(payload), first, len(bodies), 1, first - 1, 0,
                       log.crc32c(payload))
    head += struct.pack("<I", log.crc32c(head, log.crc32c(struct.pack("<QQ", SALT, offset))))
    return (head + payload).ljust((48 + len(payload) + 4095) // 4096 * 4096, b"\0")


def birth():
    return struct.pack("<BBBBIIq", 0x81, 0, 0, 0, 1, 0, 0) + holdfast.job_content(b"x")


def lease(job, version):
    return struct.pack("<BBHIII", 0x82, 0, 1, 1, 30_000, 0) + struct.pack("<BBHI", 0, 0, 1, 0) \
        + struct.pack("<QI", job, version)


def ack(job, version):
    return struct.pack("<BBHQI", 0x83, 0, 1, job, version)


def token(job, version):
    return struct.pack("<QII", job, version, 7)


class Story:
    """Lines as strace writes them. Thread 1 speaks with the client, thread 2 writes the log."""

    def __init__(self):
        self.lines = []
        self.offset = 4096
        self.call(1, f'mkdir({text(b"/data/log")}, 0700) = 0')
        self.call(1, f'openat(AT_FDCWD, {text(b"/data")}, O_RDONLY|O_DIRECTORY) = 3')
        self.call(1, 'fsync(3) = 0')

    def call(self, thread, line):
        self.lines.append(f"{thread} 1.{len(self.lines):06d} {line}")

    def open_segment(self, flags="", sync_directory=True, is_relative=False):
        """The segment is 5. With `is_relative` it is made elsewhere, renamed and opened again, and
        all paths begin at the data directory's descriptor, 3."""
        path = SEGMENT.encode()
        base = "AT_FDCWD"
        if is_relative:
            base, made, path = "3", b"new.raw", b"log/0000000000000001.seg"
            self.call(2, f'openat(3, {text(made)}, O_RDWR|O_CREAT, 0600) = 8')
        else:
            self.call(2, f'openat(AT_FDCWD, {text(path)}, O_RDWR|O_CREAT{flags}, 0600) = 5')
        descriptor = 8 if is_relative else 5
        self.call(2, f'pwrite64({descriptor}, {text(segment_header())}, 4096, 0) = 4096')
        self.call(2, f'fdatasync({descriptor}) = 0')
        if is_relative:
            self.call(2, f'renameat(3, {text(made)}, 3, {text(path)}) = 0')
            self.call(2, f'openat(3, {text(path)}, O_RDWR{flags}) = 5')
        log = b"log" if is_relative else b"/data/log"
        self.call(2, f'openat({base}, {text(log)}, O_RDONLY|O_DIRECTORY) = 6')
        if sync_directory:
            self.call(2, 'fsync(6) = 0')

    def accept(self):
        self.call(1, 'accept4(4, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK) = 9')

    def receive(self, kind, correlation, body):
        data = holdfast.frame(kind, correlation, body)
        self.call(1, f'recvfrom(9, {text(data)}, 65536, 0, NULL, NULL) = {len(data)}')

    def send(self, kind, correlation, body):
        data = holdfast.frame(kind | 0x80, correlation, body)
        self.call(1, f'sendto(9, {text(data)}, {len(data)}, 0, NULL, 0) = {len(data)}')

    def frame(self, first, *bodies):
        data = frame(self.offset, first, *bodies)
        self.offset += len(data)
        return data, self.offset - len(data)

    def write(self, data, offset, descriptor=5):
        self.call(2, f'pwrite64({descriptor}, {text(data)}, {len(data)}, {offset}) = {len(data)}')

    def write_durably(self, data, offset):
        self.call(2, f'pwritev2(5, [{{iov_base={text(data)}, iov_len={len(data)}}}], 1, {offset}, '
                     f'RWF_DSYNC) = {len(data)}')

    def sync(self, descriptor=5, result="0"):
        self.call(2, f'fdatasync({descriptor}) = {result}')

    # The three exchanges, each answered when `commit` has been told the record.

    def enqueue(self, commit, correlation=1, lsn=1):
        self.receive(holdfast.ENQUEUE, correlation,
                     holdfast.enqueue_body("q", [holdfast.job_content(b"x")]))
        commit(self, *self.frame(lsn, birth()), lambda: self.send(
            holdfast.ENQUEUE, correlation, struct.pack("<IIQH", 0, 1, lsn, 7)))

    def lease(self, commit, correlation=2, lsn=2, job=1, version=1, answered=1):
        self.receive(holdfast.LEASE, correlation, holdfast.lease_body("q"))
        content = holdfast.job_content(b"x")
        body = struct.pack("<I", 1) + token(job, answered) + struct.pack(
            "<HBBIIIIqIHHI", 7, 0, 0, 1, 0, 0, 0, 0, 30_000, 0, 0, len(content)) + content
        commit(self, *self.frame(lsn, lease(job, version)),
               lambda: self.send(holdfast.LEASE, correlation, body))

    def ack(self, commit, correlation=3, lsn=3, job=1, version=1):
        self.receive(holdfast.ACK, correlation, holdfast.tokens_body([token(job, version)]))
        commit(self, *self.frame(lsn, ack(job, version)),
               lambda: self.send(holdfast.ACK, correlation, struct.pack("<IHBBI", 1, 0, 0, 0, 0)))


# How a record comes to the disk, well and badly.

def dsync(story, data, offset, reply):
    story.write_durably(data, offset)
    reply()


def write_and_sync(story, data, offset, reply):
    story.write(data, offset)
    story.sync()
    reply()


def reply_before_sync(story, data, offset, reply):
    story.write(data, offset)
    reply()
    story.sync()


def no_sync(story, data, offset, reply):
    story.write(data, offset)
    reply()


def sync_elsewhere(story, data, offset, reply):
    story.call(2, f'openat(AT_FDCWD, {text(b"/data/log/other.seg")}, O_RDWR|O_CREAT, 0600) = 7')
    story.write(data, offset)
    story.sync(7)
    reply()


def failed_sync(story, data, offset, reply):
    story.write(data, offset)
    story.sync(5, "-1 EIO (Input/output error)")
    reply()


def sync_repeated_after_failure(story, data, offset, reply):
    story.write(data, offset)
    story.sync(5, "-1 EIO (Input/output error)")
    story.sync()
    reply()


def sync_not_returned(story, data, offset, reply):
    story.write(data, offset)
    story.call(2, "fdatasync(5 <unfinished ...>")
    reply()
    story.call(2, "<... fdatasync resumed>) = 0")


def write_not_returned(story, data, offset, reply):
    head = f'pwritev2(5, [{{iov_base={text(data)}, iov_len={len(data)}}}], 1, {offset}, RWF_DSYNC'
    story.call(2, head + " <unfinished ...>")
    reply()
    story.call(2, f"<... pwritev2 resumed>) = {len(data)}")


def sync_before_write_returned(story, data, offset, reply):
    story.call(2, f'pwrite64(5, {text(data)}, {len(data)}, {offset} <unfinished ...>')
    story.call(3, "fdatasync(5) = 0")
    story.call(2, f"<... pwrite64 resumed>) = {len(data)}")
    reply()


def torn(story, data, offset, reply):
    story.write_durably(data[:60] + bytes([data[60] ^ 1]) + data[61:], offset)
    reply()


def short_write(story, data, offset, reply):
    story.call(2, f'pwritev2(5, [{{iov_base={text(data)}, iov_len={len(data)}}}], 1, {offset}, '
                  f'RWF_DSYNC) = 40')
    reply()


def short_write_continued(story, data, offset, reply):
    story.call(2, f'pwritev2(5, [{{iov_base={text(data)}, iov_len={len(data)}}}], 1, {offset}, '
                  f'RWF_DSYNC) = 40')
    story.write_durably(data[40:], offset + 40)
    reply()


def range_sync(story, data, offset, reply):
    story.write(data, offset)
    story.call(2, f"sync_file_range(5, 0, 0, SYNC_FILE_RANGE_WRITE) = 0")
    reply()


def whole(enqueue=dsync, lease=dsync, ack=dsync, **opening):
    story = Story()
    story.open_segment(**opening)
    story.accept()
    story.enqueue(enqueue)
    story.lease(lease)
    story.ack(ack)
    return story


def with_lines(story, *lines):
    for line in lines:
        story.call(2, line)
    return story


def wrong_token():
    story = Story()
    story.open_segment()
    story.accept()
    story.enqueue(dsync)
    story.lease(dsync, version=1, answered=2)
    return story


def early_repeat():
    """The second of two equal acks is answered while the first one's record is not durable."""
    story = Story()
    story.open_segment()
    story.accept()
    story.enqueue(dsync)
    story.lease(dsync)
    story.receive(holdfast.ACK, 3, holdfast.tokens_body([token(1, 1)]))
    story.receive(holdfast.ACK, 4, holdfast.tokens_body([token(1, 1)]))
    data, offset = story.frame(3, ack(1, 1))
    story.write(data, offset)
    story.send(holdfast.ACK, 4, struct.pack("<IHBBI", 1, 0, 2, 0, 0))
    story.sync()
    story.send(holdfast.ACK, 3, struct.pack("<IHBBI", 1, 0, 0, 0, 0))
    return story


def missing_prefix():
    """Record 2 is durable and record 1 is not: a crash would keep neither."""
    story = Story()
    story.open_segment()
    story.accept()
    story.enqueue(lambda *arguments: story.write(*arguments[1:3]))
    story.lease(dsync)
    return story


def counted(early):
    """A queue is shown with one job enqueued, before or after that job's record is durable."""
    story = Story()
    story.open_segment()
    story.accept()
    name = b"q"
    created = struct.pack("<BBBBI28s", 0x8A, 0, 1, len(name), 1, bytes(28)) + name
    story.receive(holdfast.ENQUEUE, 1, holdfast.enqueue_body("q", [holdfast.job_content(b"x")]))
    story.receive(holdfast.QUEUE_SHOW, 2, holdfast.text8("q"))
    story.write_durably(*story.frame(1, created))
    if not early:
        story.write_durably(*story.frame(2, birth()))
    story.send(holdfast.QUEUE_SHOW, 2, bytes(28) + struct.pack("<7Q", 1, 0, 0, 0, 1, 0, 0)
               + holdfast.text8("q"))
    if early:
        story.write_durably(*story.frame(2, birth()))
    story.send(holdfast.ENQUEUE, 1, struct.pack("<IIQH", 0, 1, 2, 7))
    return story


GOOD = {
    "synchronous writes": whole,
    "write and sync": lambda: whole(write_and_sync, write_and_sync, write_and_sync),
    "a file opened O_DSYNC": lambda: whole(no_sync, no_sync, no_sync, flags="|O_DSYNC"),
    "relative paths and a rename": lambda: whole(is_relative=True),
    "a short write, continued": lambda: whole(ack=short_write_continued),
}
EARLY, NEVER, MISSING = "left before", "never durable", "no such record"
WAYS = {reply_before_sync: EARLY, no_sync: NEVER, sync_elsewhere: NEVER, failed_sync: "has failed",
        sync_repeated_after_failure: "has failed", sync_not_returned: EARLY,
        write_not_returned: EARLY, sync_before_write_returned: NEVER, torn: "bad payload",
        short_write: MISSING, range_sync: NEVER}
# A trace, and words of the sentence that must be said of it.
BAD = {
    **{f"{verb}: {way.__name__.replace('_', ' ')}": (lambda verb=verb, way=way: whole(**{verb: way}),
                                                     words)
       for verb in ("enqueue", "lease", "ack") for way, words in WAYS.items()},
    "the directory was never synced": (lambda: whole(sync_directory=False), NEVER),
    "the rename was never synced": (
        lambda: whole(sync_directory=False, is_relative=True), NEVER),
    "a token that no record speaks of": (wrong_token, MISSING),
    "a repeat answered before the first": (early_repeat, EARLY),
    "a count that is ahead of the disk": (lambda: counted(early=True), "is shown with"),
    "a record durable before the one in front of it": (missing_prefix, NEVER),
    "io_uring": (lambda: with_lines(whole(), "io_uring_setup(64, {flags=0}) = 11"), "io_uring"),
    "a segment mapped for writing": (lambda: with_lines(
        whole(), "mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_SHARED, 5, 0) = 0x7f0000000000"),
        "mapped"),
}


def self_test():
    """The number of planted traces that were judged wrongly."""
    wrong = 0
    passed = not judge.judge(counted(early=False).lines, ROOT).faults
    wrong += not passed
    print(f"{'PASS' if passed else 'FAIL'} nothing found: a count that is not ahead of the disk")
    for name, tell in GOOD.items():
        verdict = judge.judge(tell().lines, ROOT)
        passed = not verdict.faults and all(
            verdict.judged[kind] == 1 for kind in ("enqueues", "leases", "acks"))
        wrong += not passed
        print(f"{'PASS' if passed else 'FAIL'} nothing found: {name}"
              + ("" if passed else f": {verdict.faults} {verdict.judged}"))
    for name, (tell, words) in BAD.items():
        faults = judge.judge(tell().lines, ROOT).faults
        passed = any(words in sentence for _, sentence in faults)
        wrong += not passed
        print(f"{'PASS' if passed else 'FAIL'} found: {name}" + ("" if passed else f": {faults}"))
    print(f"{1 + len(GOOD) + len(BAD)} planted traces, {wrong} judged wrongly")
    return wrong
