"""Holds every reply against the syncs before it."""

import bisect
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "Tests", "EndToEndTests", "Clients"))
import holdfast  # noqa: E402  (the client that was written from docs/protocol.md)

from . import files, log, trace, wire  # noqa: E402

LEASE_LOST, ALREADY_DONE = "lease_lost", "already_done"


class Verdict:
    def __init__(self):
        self.faults = []      # (line of the trace, sentence)
        self.judged = {"enqueues": 0, "leases": 0, "acks": 0, "repeats": 0, "reads": 0,
                       "refusals": 0, "others": 0}
        self.frames = 0
        self.replies = 0
        self.connections = 0

    def fault(self, line, sentence):
        self.faults.append((line, sentence))


def judge(lines, root):
    """The verdict on a trace of a broker whose data directory is `root`, fresh at its start."""
    verdict = Verdict()
    store = files.Files(root, verdict.fault)
    connections = wire.Wire(verdict.fault)
    for moment, call in trace.read(lines):
        if moment == "enter":
            store.enter(call)
        else:
            if call.name != "close" or call.result == 0:
                connections.leave(call)
            store.leave(call)
    written = log.Log(verdict.fault)
    for write in store.log_writes:
        written.add(write)
    verdict.frames = len(written.frames)
    verdict.replies = len(connections.replies)
    verdict.connections = connections.count
    Judge(verdict, store, written).hear(connections.replies)
    verdict.faults.sort()
    return verdict


class Judge:
    def __init__(self, verdict, store, written):
        self.verdict = verdict
        self.store = store
        self.written = written
        self.by_item = {}   # (kind, job, version) → LSN
        self.history = {}   # job → its records in order
        for lsn in sorted(written.records):
            record = written.records[lsn]
            for job, version in record.items:
                self.by_item.setdefault((record.kind, job, version), lsn)
                self.history.setdefault(job, []).append((record, version))
        self._order()
        self._count()

    def _order(self):
        """When each record was durable. It counts only with everything before it: a log is its
        prefix."""
        self.line_of = {}   # LSN → line of the trace, None: never
        line, expected = 0, 1
        for frame in sorted(self.written.frames, key=lambda frame: frame.first):
            own = self._durable_line(frame) if frame.first <= expected else None
            line = None if line is None or own is None else max(line, own)
            expected = max(expected, frame.last + 1)
            for lsn in range(frame.first, frame.last + 1):
                self.line_of.setdefault(lsn, line)

    def _count(self):
        """For each queue the lines at which births and acks became durable, in order."""
        self.queues = {}    # name → the number it got last
        self.births, self.acks = {}, {}
        for lsn, record in self.written.records.items():
            line = self.line_of.get(lsn)
            if record.kind == "queue" and record.note:
                self.queues[record.note[1]] = record.note[0]
            elif line is not None and record.kind == "birth":
                self.births.setdefault(record.note, []).append(line)
            elif line is not None and record.kind == "ack":
                for job, _ in record.items:
                    born = self.written.records.get(job)
                    if born is not None:
                        self.acks.setdefault(born.note, []).append(line)
        for lines in (*self.births.values(), *self.acks.values()):
            lines.sort()

    def _durable_line(self, frame):
        lines = [write.durable_at for write in frame.writes]
        lines.append(self.store.durable_name(frame.path))
        return None if None in lines else max(lines)

    def hear(self, replies):
        stop = self.store.first_failed_sync
        for reply in replies:
            if stop is not None and reply.sent > stop:
                self.verdict.fault(reply.sent, "a reply leaves after a sync has failed")
            try:
                self._hear(reply)
            except (ValueError, struct.error, KeyError) as error:
                self.verdict.fault(reply.sent, f"a reply cannot be read: {error}")

    def _require(self, reply, what, lsn, count_as):
        if lsn is None:
            self.verdict.fault(reply.sent, f"{what}: there is no such record in what was written")
            return
        line = self.line_of.get(lsn)
        if line is None:
            self.verdict.fault(reply.sent, f"{what}: its record {lsn} was never durable")
        elif line >= reply.sent:
            self.verdict.fault(reply.sent, f"{what}: left before record {lsn} was durable "
                                           f"(line {line} of the trace)")
        self.verdict.judged[count_as] += 1

    def _hear(self, reply):
        if reply.kind == holdfast.REFUSAL:
            self.verdict.judged["refusals"] += 1
            return
        reader = holdfast.Reader(reply.body)
        kind = reply.request_kind
        if kind == holdfast.ENQUEUE:
            ids, duplicate = holdfast.Connection.ids(reply.body)
            for job_id in ids:
                job = struct.unpack("<Q", job_id[:8])[0]
                self._require(reply, f"enqueue of job {job}", self.by_item.get(("birth", job, 0)),
                              "repeats" if duplicate else "enqueues")
        elif kind == holdfast.LEASE:
            self._deliveries(reply, reader)
        elif kind == holdfast.ACK_LEASE:
            token_count, = struct.unpack_from("<I", reply.request)
            self._results(reply, reader, reply.request[-16 * token_count:], "ack")
            self._deliveries(reply, reader)
        elif kind in (holdfast.ACK, holdfast.NACK, holdfast.RELEASE, holdfast.REJECT,
                      holdfast.EXTEND):
            token_count, = struct.unpack_from("<I", reply.request)
            record = {holdfast.ACK: "ack", holdfast.NACK: "return", holdfast.RELEASE: "return",
                      holdfast.REJECT: "reject", holdfast.EXTEND: "lease"}[kind]
            self._results(reply, reader, reply.request[-16 * token_count:], record)
        elif kind == holdfast.HEARTBEAT:
            request = holdfast.Reader(reply.request)
            tokens = b""
            for _ in range(request.numbers("II")[0]):
                tokens += request.take(16)
                request.take(request.numbers("BBH")[2])
            self._results(reply, reader, tokens, "lease")
        elif kind == holdfast.JOB_SHOW:
            self._shown(reply, reader)
        elif kind == holdfast.QUEUE_SHOW:
            self._queue_shown(reply, reader)
        else:
            self.verdict.judged["others"] += 1

    def _deliveries(self, reply, reader):
        for delivery in reader.deliveries():
            job, version = struct.unpack("<QI", delivery.token[:12])
            self._require(reply, f"lease of job {job}, version {version}",
                          self.by_item.get(("lease", job, version)), "leases")

    def _results(self, reply, reader, tokens, record):
        for index, result in enumerate(reader.results()):
            job, version = struct.unpack_from("<QI", tokens, 16 * index)
            if result.refusal is None:
                count_as = "others" if record != "ack" else (
                    "repeats" if result.is_duplicate else "acks")
                self._require(reply, f"{record} of job {job}, version {version}",
                              self.by_item.get((record, job, version)), count_as)
            elif result.refusal in (LEASE_LOST, ALREADY_DONE):
                # It rests on whatever ended that delivery.
                begun = self.by_item.get(("lease", job, version), 0)
                ends = [found.lsn for found, _ in self.history.get(job, ())
                        if found.lsn > begun and found.kind != "heartbeat"]
                self._require(reply, f"{result.refusal} for job {job}, version {version}",
                              ends[0] if ends else None, "refusals")
            else:
                self.verdict.judged["refusals"] += 1

    def _shown(self, reply, reader):
        job, = struct.unpack("<Q", reader.take(10)[:8])
        state, _, version = reader.numbers("BBI")
        state = holdfast.STATES[state]
        needed = self.by_item.get(("birth", job, 0))
        for record, of_version in self.history.get(job, ()):
            if state == "leased" and record.kind == "lease" and of_version == version \
                    or state == "done" and record.kind in ("ack", "cancel"):
                needed = record.lsn
                break
        else:
            if state in ("leased", "done"):
                needed = None
        self._require(reply, f"job {job} shown as {state}", needed, "reads")

    def _queue_shown(self, reply, reader):
        """What is counted must have been durable: as many births and acks, whichever they are."""
        reader.take(28)
        numbers = reader.numbers("QQQQQQQ")
        number = self.queues.get(reader.bytes8())
        for what, shown, lines in (("enqueued", numbers[4], self.births.get(number, [])),
                                   ("acknowledged", numbers[5], self.acks.get(number, []))):
            durable = bisect.bisect_left(lines, reply.sent)
            if shown > durable:
                self.verdict.fault(reply.sent, f"a queue is shown with {shown} {what} while {durable} "
                                               "were durable")
        self.verdict.judged["reads"] += 1
