#!/usr/bin/env python3
"""A client of Holdfast in plain Python, written from docs/protocol.md and nothing else.

It is small on purpose: enough to enqueue, lease, heartbeat, acknowledge and look at jobs, one
connection and one thread, any number of requests in flight.

    holdfast.py drive HOST:PORT      talks to a running broker, prints PASS and FAIL lines
    holdfast.py examples PAGE        holds its bytes against the worked examples of docs/protocol.md

Both end with 0 if everything passed and with 1 if anything did not.
"""

import os
import re
import socket
import struct
import sys
from collections import namedtuple

HELLO, PING, GOODBYE = 0x01, 0x02, 0x03
ENQUEUE, LEASE, ACK, ACK_LEASE = 0x10, 0x11, 0x12, 0x13
NACK, RELEASE, REJECT, EXTEND, HEARTBEAT, CANCEL_WAIT = 0x14, 0x15, 0x16, 0x17, 0x18, 0x19
JOB_SHOW, QUEUE_SHOW = 0x20, 0x34
REFUSAL = 0xFF

REFUSALS = {
    1: "bad_request", 2: "unsupported_version", 3: "unknown_request", 4: "not_supported",
    5: "frame_too_large", 6: "payload_too_large", 7: "too_many_items", 8: "too_many_requests",
    9: "bad_name", 10: "bad_argument", 11: "unknown_queue", 12: "queue_exists",
    13: "queue_not_empty", 14: "unknown_job", 15: "unknown_lease", 16: "lease_lost",
    17: "already_done", 18: "wrong_state", 19: "too_many_producers", 20: "sequence_expired",
    21: "too_many_leases", 22: "too_many_queues", 23: "shutting_down",
    24: "payload_corrupt", 25: "storage_full",
}
STATES = {1: "ready", 2: "delayed", 3: "leased", 4: "dead", 5: "done"}
LIMITS = ("frame_bytes", "payload_bytes", "items", "requests_in_flight", "wait_ms",
          "lease_ms_min", "lease_ms_max", "delay_seconds", "attempts", "priority", "name_bytes",
          "headers_bytes", "headers", "header_value_bytes", "reason_bytes", "checkpoint_bytes",
          "producer_results")
THE_QUEUES_DURATION = 0xFFFF_FFFF
THE_QUEUES_BACKOFF = 0xFFFF_FFFF_FFFF_FFFF


class Refused(Exception):
    """A whole request was refused; it had no effect."""

    def __init__(self, code, retry_after_ms, message):
        super().__init__(f"{REFUSALS.get(code, code)}: {message}")
        self.code = code
        self.name = REFUSALS.get(code, str(code))
        self.retry_after_ms = retry_after_ms
        self.message = message


class Disconnected(Exception):
    """The broker closed the connection."""


Result = namedtuple("Result", "refusal is_late is_duplicate must_stop remaining_ms")
Content = namedtuple("Content", "codec kind headers raw_length payload")
Delivery = namedtuple("Delivery", "token job_id priority attempt interruptions timeouts releases "
                      "enqueued_at duration_ms checkpoint content")
JobReport = namedtuple("JobReport", "job_id state priority version attempts interruptions timeouts "
                       "releases enqueued_at state_time reason attempts_max lease_remaining_ms "
                       "queue last_error checkpoint content")


# Bytes -------------------------------------------------------------------------------------------

def frame(kind, correlation, body=b""):
    return struct.pack("<IBBHI", 8 + len(body), kind, 0, 0, correlation) + body


def bytes8(value):
    return struct.pack("<B", len(value)) + value


def bytes16(value):
    return struct.pack("<H", len(value)) + value


def text8(value):
    return bytes8(value.encode() if isinstance(value, str) else value)


def job_content(payload, kind="", headers=()):
    laid_out = b"".join(text8(name) + bytes16(value.encode()) for name, value in headers)
    kind = kind.encode()
    return struct.pack("<BBHI", 0, len(kind), len(laid_out), len(payload)) + kind + laid_out + payload


def enqueue_body(queue, contents, sequence=0, priority=0, attempts=0, delay_ms=0, options=0):
    body = struct.pack("<QI", sequence, len(contents)) + text8(queue)
    for content in contents:
        body += struct.pack("<IHBBIQ", len(content), options, priority, 0, attempts, delay_ms)
        body += content
    return body


def hello_body(producer=bytes(16), name="", oldest=1, newest=1):
    return b"HLDF" + struct.pack("<HH", oldest, newest) + producer + struct.pack("<I", 0) + text8(name)


def lease_body(queue, count=1, wait_ms=0, duration_ms=THE_QUEUES_DURATION):
    return struct.pack("<III", count, wait_ms, duration_ms) + text8(queue)


def tokens_body(tokens):
    return struct.pack("<I", len(tokens)) + b"".join(tokens)


def ack_lease_body(tokens, queue, count=1, wait_ms=0, duration_ms=THE_QUEUES_DURATION):
    return (struct.pack("<IIII", len(tokens), count, wait_ms, duration_ms) + text8(queue)
            + b"".join(tokens))


def nack_body(tokens, delay_ms=THE_QUEUES_BACKOFF, error=""):
    return (struct.pack("<IQ", len(tokens), delay_ms) + bytes16(error.encode())
            + b"".join(tokens))


def heartbeat_body(tokens, checkpoints=None, duration_ms=THE_QUEUES_DURATION):
    body = struct.pack("<II", len(tokens), duration_ms)
    for index, token in enumerate(tokens):
        checkpoint = checkpoints[index] if checkpoints else None
        body += token + struct.pack("<BBH", 0 if checkpoint is None else 1, 0, len(checkpoint or b""))
        body += checkpoint or b""
    return body


class Reader:
    """Reads a body from front to back."""

    def __init__(self, body):
        self.body = body
        self.offset = 0

    def take(self, count):
        if self.offset + count > len(self.body):
            raise ValueError("a reply is shorter than its fields")
        self.offset += count
        return self.body[self.offset - count:self.offset]

    def numbers(self, layout):
        layout = "<" + layout
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def number(self, layout):
        return self.numbers(layout)[0]

    def bytes8(self):
        return self.take(self.number("B"))

    def bytes16(self):
        return self.take(self.number("H"))

    def text8(self):
        return self.bytes8().decode()

    def end(self):
        if self.offset != len(self.body):
            raise ValueError("a reply is longer than its fields")

    def results(self):
        results = []
        for _ in range(self.number("I")):
            code, flags, _, remaining = self.numbers("HBBI")
            results.append(Result(REFUSALS.get(code, str(code)) if code else None, bool(flags & 1),
                                  bool(flags & 2), bool(flags & 4), remaining))
        return results

    def deliveries(self):
        deliveries = []
        for _ in range(self.number("I")):
            token = self.take(16)
            job_id = token[:8] + self.take(2)
            priority, _, attempt, interruptions, timeouts, releases = self.numbers("BBIIII")
            enqueued_at, duration, checkpoint_length, _, content_length = self.numbers("qIHHI")
            checkpoint = self.take(checkpoint_length)
            deliveries.append(Delivery(token, job_id, priority, attempt, interruptions, timeouts,
                                       releases, enqueued_at, duration, checkpoint,
                                       parse_content(self.take(content_length))))
        return deliveries


def parse_content(data):
    if not data:
        return None
    reader = Reader(data)
    codec, kind_length, headers_length, raw_length = reader.numbers("BBHI")
    kind = reader.take(kind_length).decode()
    headers, inner = [], Reader(reader.take(headers_length))
    while inner.offset < headers_length:
        headers.append((inner.text8(), inner.bytes16().decode()))
    return Content(codec, kind, headers, raw_length, data[reader.offset:])


# A connection ------------------------------------------------------------------------------------

class Connection:
    """One connection, greeted. `send` asks, `reply` waits for the answer; what lies between is in
    flight. The other methods do both at once."""

    def __init__(self, host, port, producer=bytes(16), name="holdfast.py", greet=True, timeout=60):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.replies = {}
        self.next_correlation = 1
        self.limits = {}
        if greet:
            self.greet(producer, name)

    def close(self):
        self.socket.close()

    def send(self, kind, body=b""):
        correlation = self.next_correlation
        self.next_correlation = correlation % 0xFFFF_FFFF + 1
        self.socket.sendall(frame(kind, correlation, body))
        return correlation

    def reply(self, correlation):
        """The body of the answer to a request that was sent."""
        while correlation not in self.replies:
            kind, answered, body = self.next_frame()
            self.replies[answered] = (kind, body)
        kind, body = self.replies.pop(correlation)
        if kind == REFUSAL:
            raise self.refusal(body)
        return body

    def next_frame(self):
        while True:
            if len(self.received) >= 12:
                length, kind, _, _, correlation = struct.unpack("<IBBHI", self.received[:12])
                if len(self.received) >= 4 + length:
                    body = self.received[12:4 + length]
                    self.received = self.received[4 + length:]
                    return kind, correlation, body
            arrived = self.socket.recv(1 << 16)
            if not arrived:
                raise Disconnected("the broker closed the connection")
            self.received += arrived

    @staticmethod
    def refusal(body):
        reader = Reader(body)
        code, _, retry_after = reader.numbers("HHI")
        return Refused(code, retry_after, reader.bytes16().decode())

    def ask(self, kind, body=b""):
        return self.reply(self.send(kind, body))

    # The requests

    def greet(self, producer, name):
        reader = Reader(self.ask(HELLO, hello_body(producer, name)))
        self.version, _ = reader.numbers("HH")
        self.store = reader.take(16)
        self.connection_id, self.broker_time = reader.numbers("Qq")
        values = reader.numbers("I" * reader.number("H"))
        self.limits = dict(zip(LIMITS, values))
        self.software = reader.text8()
        reader.end()

    def ping(self):
        self.ask(PING)

    def goodbye(self):
        self.ask(GOODBYE)

    def enqueue(self, queue, *payloads, sequence=0, kind="", headers=(), **options):
        """The ids of the jobs, and whether the request had been executed before."""
        contents = [job_content(payload, kind, headers) for payload in payloads]
        return self.ids(self.ask(ENQUEUE, enqueue_body(queue, contents, sequence, **options)))

    @staticmethod
    def ids(body):
        reader = Reader(body)
        flags = reader.number("B")
        reader.take(3)
        ids = [reader.take(10) for _ in range(reader.number("I"))]
        reader.end()
        return ids, bool(flags & 1)

    def lease(self, queue, count=1, wait_ms=0, duration_ms=THE_QUEUES_DURATION):
        return self.leased(self.ask(LEASE, lease_body(queue, count, wait_ms, duration_ms)))

    @staticmethod
    def leased(body):
        reader = Reader(body)
        deliveries = reader.deliveries()
        reader.end()
        return deliveries

    def ack_lease(self, tokens, queue, count=1, wait_ms=0, duration_ms=THE_QUEUES_DURATION):
        reader = Reader(self.ask(ACK_LEASE, ack_lease_body(tokens, queue, count, wait_ms, duration_ms)))
        results, deliveries = reader.results(), reader.deliveries()
        reader.end()
        return results, deliveries

    def items(self, kind, body):
        reader = Reader(self.ask(kind, body))
        results = reader.results()
        reader.end()
        return results

    def ack(self, *tokens):
        return self.items(ACK, tokens_body(tokens))

    def release(self, *tokens):
        return self.items(RELEASE, tokens_body(tokens))

    def nack(self, *tokens, delay_ms=THE_QUEUES_BACKOFF, error=""):
        return self.items(NACK, nack_body(tokens, delay_ms, error))

    def heartbeat(self, *tokens, checkpoints=None, duration_ms=THE_QUEUES_DURATION):
        return self.items(HEARTBEAT, heartbeat_body(tokens, checkpoints, duration_ms))

    def job(self, job_id):
        reader = Reader(self.ask(JOB_SHOW, job_id))
        shown = reader.take(10)
        state, priority, version, attempts, interruptions, timeouts, releases = reader.numbers("BBIIIII")
        enqueued_at, state_time = reader.numbers("qq")
        reason = reader.text8()
        attempts_max, remaining = reader.numbers("II")
        queue, last_error = reader.text8(), reader.bytes16().decode()
        checkpoint, content = reader.bytes16(), reader.take(reader.number("I"))
        reader.end()
        return JobReport(shown, STATES[state], priority, version, attempts, interruptions, timeouts,
                         releases, enqueued_at, state_time, reason, attempts_max, remaining, queue,
                         last_error, checkpoint, parse_content(content))


# Driving a broker --------------------------------------------------------------------------------

class Report:
    """Counts what passed and what did not, a line for each."""

    def __init__(self):
        self.failures = 0

    def check(self, what, passed, found=None):
        print(f"{'PASS' if passed else 'FAIL'} {what}" + ("" if passed else f": found {found!r}"),
              flush=True)
        self.failures += not passed

    def equal(self, what, found, expected):
        self.check(what, found == expected, found)

    def refused(self, what, name, ask):
        try:
            self.check(what, False, ask())
        except Refused as refusal:
            self.equal(what, refusal.name, name)


def drive(host, port):
    report = Report()
    queue = "python-" + os.urandom(6).hex()
    producer = os.urandom(16)
    broker = Connection(host, port, producer, "drive")
    other = Connection(host, port, name="drive too")

    report.equal("the greeting agrees on version 1", broker.version, 1)
    report.check("the greeting announces its limits", len(broker.limits) == len(LIMITS)
                 and broker.limits["items"] >= 1 and broker.limits["frame_bytes"] >= 1024, broker.limits)
    report.equal("two connections see one store", broker.store, other.store)
    broker.ping()
    report.check("a ping is answered", True)

    report.refused("a lease from a queue that is not there", "unknown_queue",
                   lambda: broker.lease("no " + queue))

    # Enqueue
    (first,), duplicate = broker.enqueue(queue, b"one", sequence=1, kind="greet",
                                         headers=[("lang", "de"), ("empty", "")])
    report.check("an enqueue is answered with a new id", len(first) == 10 and not duplicate, first)
    again, duplicate = broker.enqueue(queue, b"one", sequence=1, kind="greet",
                                      headers=[("lang", "de"), ("empty", "")])
    report.check("the same enqueue again has the same id", again == [first] and duplicate, again)
    several, _ = broker.enqueue(queue, b"two", b"", b"\x00\xff" * 5000, sequence=2)
    report.equal("an enqueue of three has three ids", len(set(several)), 3)
    shown = broker.job(first)
    report.equal("a new job is ready", (shown.state, shown.queue, shown.attempts), ("ready", queue, 0))
    report.equal("a job is shown as it was enqueued", shown.content,
                 Content(0, "greet", [("lang", "de"), ("empty", "")], 3, b"one"))

    # Lease, heartbeat, nack, ack
    (job,) = broker.lease(queue, 1, duration_ms=30_000)
    report.equal("the oldest job is leased first", (job.job_id, job.attempt), (first, 1))
    report.equal("it comes as it was enqueued", job.content, shown.content)
    report.equal("the lease is as long as asked for", job.duration_ms, 30_000)
    (result,) = broker.heartbeat(job.token, checkpoints=[b"half way"], duration_ms=60_000)
    report.check("a heartbeat extends the lease", result.refusal is None
                 and 30_000 < result.remaining_ms <= 60_000, result)
    shown = other.job(first)
    report.equal("the job is leased and has its checkpoint", (shown.state, shown.checkpoint),
                 ("leased", b"half way"))
    (result,) = broker.nack(job.token, delay_ms=0, error="not yet")
    report.equal("a nack is done", result.refusal, None)
    stale = job.token
    (job,) = other.lease(queue, 1, wait_ms=10_000)
    report.equal("the failed job comes back first", (job.job_id, job.attempt), (first, 2))
    report.equal("with the checkpoint of its first attempt", job.checkpoint, b"half way")
    report.equal("its last error is kept", broker.job(first).last_error, "not yet")
    report.equal("the token of the first attempt is good for nothing",
                 broker.ack(stale)[0].refusal, "lease_lost")
    (result,) = other.ack(job.token)
    report.equal("an ack is done", (result.refusal, result.is_duplicate), (None, False))
    (result,) = broker.ack(job.token)
    report.equal("the same ack again is a duplicate", (result.refusal, result.is_duplicate), (None, True))
    report.equal("the job is done", broker.job(first).state, "done")

    # Ack and lease at once, release
    (job,) = broker.lease(queue, 1)
    results, more = broker.ack_lease([job.token], queue, 10)
    report.equal("ack and lease in one frame", ([result.refusal for result in results],
                 [delivery.job_id for delivery in more]), ([None], several[1:]))
    report.equal("payloads may be empty, binary and long",
                 [delivery.content.payload for delivery in more], [b"", b"\x00\xff" * 5000])
    results = broker.release(*[delivery.token for delivery in more])
    report.equal("released jobs", [result.refusal for result in results], [None, None])
    more = broker.lease(queue, 10)
    report.equal("come again, and it was no attempt",
                 [(delivery.job_id, delivery.attempt, delivery.releases) for delivery in more],
                 [(several[1], 1, 1), (several[2], 1, 1)])
    results = broker.ack(*[delivery.token for delivery in more])
    report.equal("many acks in one frame", [result.refusal for result in results], [None, None])
    report.equal("an empty queue has nothing to lease", broker.lease(queue, 10), [])

    # Waiting
    waiting = broker.send(LEASE, lease_body(queue, 5, wait_ms=30_000))
    broker.ping()
    report.check("a lease that waits holds nothing up", waiting not in broker.replies)
    (late,), _ = other.enqueue(queue, b"late")
    (job,) = broker.leased(broker.reply(waiting))
    report.equal("it is answered when a job comes", job.job_id, late)
    broker.ack(job.token)
    waiting = broker.send(LEASE, lease_body(queue, 5, wait_ms=30_000))
    broker.ask(CANCEL_WAIT, struct.pack("<I", waiting))
    report.equal("a wait that is cancelled brings no jobs", broker.leased(broker.reply(waiting)), [])

    # Delay and priority
    (delayed,), _ = broker.enqueue(queue, b"later", delay_ms=3_600_000)
    report.equal("a job with a delay is delayed", broker.job(delayed).state, "delayed")
    (low,), _ = broker.enqueue(queue, b"low", priority=1)
    (high,), _ = broker.enqueue(queue, b"high", priority=9)
    order = broker.lease(queue, 2)
    report.equal("the higher priority goes first", [delivery.job_id for delivery in order], [high, low])
    broker.ack(*[delivery.token for delivery in order])

    # Pipelining
    sent = [broker.send(ENQUEUE, enqueue_body(queue, [job_content(b"%d" % index)], sequence=3 + index))
            for index in range(200)]
    ids = [broker.ids(broker.reply(correlation))[0][0] for correlation in sent]
    lsns = [struct.unpack("<Q", job_id[:8])[0] for job_id in ids]
    report.check("200 enqueues in flight are executed in their order", lsns == sorted(set(lsns)), lsns)
    acked = 0
    while acked < 200:
        deliveries = broker.lease(queue, 64)
        if not deliveries:
            break
        acked += sum(result.refusal is None
                     for result in broker.ack(*[delivery.token for delivery in deliveries]))
    report.equal("and all of them are leased and acknowledged", acked, 200)

    # What is refused
    made_up = struct.pack("<QII", 1 << 40, 1, 0xDEADBEEF)
    report.equal("a made-up token", broker.ack(made_up)[0].refusal, "unknown_lease")
    report.refused("a made-up id", "unknown_job", lambda: broker.job(struct.pack("<QH", 1 << 40, 1)))
    report.refused("an unknown request", "unknown_request", lambda: broker.ask(0x7E))
    report.refused("an option of a later version", "not_supported",
                   lambda: broker.enqueue(queue, b"", options=2))
    report.refused("a lease of no length", "bad_argument", lambda: broker.lease(queue, duration_ms=0))
    report.refused("a name with a control character", "bad_name", lambda: broker.enqueue("a\nb", b""))
    report.refused("a payload beyond the limit", "payload_too_large",
                   lambda: broker.enqueue(queue, bytes(broker.limits["payload_bytes"] + 1)))
    broker.ping()
    report.check("after all that the connection still serves", True)
    for what, said, name in [
            ("a frame beyond the limit", struct.pack("<I", 1 << 30), "frame_too_large"),
            ("something that is no greeting", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "frame_too_large"),
            ("a frame too short for its fields", frame(HELLO, 1, b"HLDF"), "bad_request")]:
        stranger = Connection(host, port, greet=False)
        stranger.socket.sendall(said)
        try:
            kind, _, body = stranger.next_frame()
            report.equal(f"{what} is refused", (kind, stranger.refusal(body).name), (REFUSAL, name))
            stranger.next_frame()
            report.check(f"{what} ends the connection", False, "another frame")
        except (Disconnected, ConnectionResetError):
            report.check(f"{what} ends the connection", True)
        stranger.close()

    other.goodbye()
    try:
        other.next_frame()
        report.check("goodbye ends the connection", False, "another frame")
    except Disconnected:
        report.check("goodbye ends the connection", True)
    broker.close()
    print(f"{report.failures} failed")
    return report.failures


# The worked examples -----------------------------------------------------------------------------

def examples(page):
    """Holds the requests against the hex of the protocol's page, and reads its replies."""
    report = Report()
    blocks = {}
    with open(page, encoding="utf-8") as file:
        for name, text in re.findall(r"```hex ([\w-]+)\n(.*?)```", file.read(), re.S):
            digits = "".join(line.split("#")[0] for line in text.splitlines())
            blocks[name] = bytes.fromhex(digits)
    token = struct.pack("<QII", 42, 1, 0x12345678)
    requests = {
        "hello": frame(HELLO, 1, hello_body(bytes(range(1, 17)), "docs")),
        "enqueue": frame(ENQUEUE, 2, enqueue_body("images", [job_content(
            b'{"w":1}', "resize", [("lang", "de")])], 1, 5, 3, 1500)),
        "lease": frame(LEASE, 3, lease_body("images", 2, 30_000)),
        "heartbeat": frame(HEARTBEAT, 4, heartbeat_body([token], [b"p2"])),
        "ack": frame(ACK, 5, tokens_body([token])),
        "ack-lease": frame(ACK_LEASE, 6, ack_lease_body([token], "images", 1, 0, 60_000)),
        "nack": frame(NACK, 7, nack_body([token], 5_000, "oops")),
    }
    for name, written in requests.items():
        report.equal(f"example {name}", written.hex(" "), blocks.get(name, b"").hex(" "))
    content = Content(0, "resize", [("lang", "de")], 7, b'{"w":1}')
    report.equal("example enqueue-reply", Connection.ids(blocks["enqueue-reply"][12:]),
                 ([struct.pack("<QH", 42, 0x1234)], False))
    (job,) = Connection.leased(blocks["lease-reply"][12:])
    report.equal("example lease-reply", (job.token, job.attempt, job.checkpoint, job.content),
                 (token, 1, b"p1", content))
    report.equal("example heartbeat-reply", Reader(blocks["heartbeat-reply"][12:]).results(),
                 [Result(None, False, False, True, 30_000)])
    report.equal("example ack-reply", Reader(blocks["ack-reply"][12:]).results(),
                 [Result(None, True, False, False, 0)])
    reader = Reader(blocks["ack-lease-reply"][12:])
    report.equal("example ack-lease-reply", (reader.results(), reader.deliveries()),
                 ([Result("lease_lost", False, False, False, 0)], []))
    report.equal("example refusal", str(Connection.refusal(blocks["refusal"][12:])),
                 'unknown_queue: there is no queue "image".')
    print(f"{report.failures} failed")
    return report.failures


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "drive":
        host, _, port = arguments[1].rpartition(":")
        return min(drive(host, int(port)), 1)
    if len(arguments) == 2 and arguments[0] == "examples":
        return min(examples(arguments[1]), 1)
    print(__doc__.strip(), file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
