"""What the broker is made to do while it is traced: many connections, requests one at a time and
many in flight, repeats right behind what they repeat, reads of what has just changed, refusals."""

import os
import socket
import struct
import threading
import time

from .judge import holdfast

QUEUE = "prove-sync"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_served(port, process):
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the broker does not serve") from None
            time.sleep(0.02)


class Tally:
    """Counts over threads, and what went wrong in one of them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acked = 0
        self.error = None

    def add(self, count):
        with self.lock:
            self.acked += count
            return self.acked


def work(port, count):
    """At least `count` enqueues, leases and acks, and everything around them."""
    connect = lambda name, producer=bytes(16): holdfast.Connection(  # noqa: E731
        "127.0.0.1", port, producer, name)
    tally = Tally()
    share = count // 4 + 1

    first = connect("first")
    first.enqueue(QUEUE, b"creates the queue")

    def run(body, *arguments):
        def guarded():
            try:
                body(*arguments)
            except Exception as error:  # a thread's failure is the run's
                tally.error = tally.error or error
        thread = threading.Thread(target=guarded)
        thread.start()
        return thread

    threads = [
        run(produce_pipelined, connect("pipelined", os.urandom(16)), share),
        run(produce_pipelined, connect("pipelined too", os.urandom(16)), share),
        run(produce_one_by_one, connect("one by one", os.urandom(16)), share),
        run(produce_batches, connect("batches"), share),
    ]
    total = 1 + 3 * share + (share + 4) // 5 * 5
    threads += [
        run(consume_one_by_one, connect("consumer"), connect("reader"), tally, total),
        run(consume_pipelined, connect("pipelined consumer"), tally, total),
        run(consume_in_one_frame, connect("ack and lease"), tally, total),
    ]
    for thread in threads:
        thread.join()
    if tally.error:
        raise tally.error
    refusals(first, connect("stranger"))
    first.goodbye()


def produce_pipelined(broker, count):
    """Each enqueue twice in one breath: the second must not be answered before the first may be."""
    sequence = 0
    while sequence < count:
        sent = []
        for _ in range(min(32, count - sequence)):
            sequence += 1
            body = holdfast.enqueue_body(QUEUE, [holdfast.job_content(b"p" * 100)], sequence)
            sent.append(broker.send(holdfast.ENQUEUE, body))
            if sequence % 4 == 0:
                sent.append(broker.send(holdfast.ENQUEUE, body))
        for correlation in sent:
            broker.reply(correlation)


def produce_one_by_one(broker, count):
    for sequence in range(1, count + 1):
        (job,), _ = broker.enqueue(QUEUE, b"o" * 1000, sequence=sequence)
        if sequence % 10 == 0:
            broker.job(job)
        if sequence % 20 == 0:
            broker.enqueue(QUEUE, b"o" * 1000, sequence=sequence)


def produce_batches(broker, count):
    for _ in range((count + 4) // 5):
        broker.enqueue(QUEUE, *[b"b" * size for size in (0, 1, 100, 5000, 10)])


def consume_one_by_one(broker, reader, tally, total):
    number = 0
    while tally.acked < total:
        for job in broker.lease(QUEUE, 1, wait_ms=200):
            number += 1
            if number % 7 == 0:
                broker.heartbeat(job.token, checkpoints=[b"here"])
            if number % 5 == 0:
                reader.job(job.job_id)
            if number % 11 == 0:
                broker.nack(job.token, delay_ms=0, error="again")
            elif number % 13 == 0:
                broker.release(job.token)
            else:
                tally.add(broker.ack(job.token)[0].refusal is None)


def consume_pipelined(broker, tally, total):
    """Ack, show, ack again and count in one breath: all rest on a record that is not written yet."""
    while tally.acked < total:
        jobs = broker.lease(QUEUE, 16, wait_ms=200)
        sent = []
        for job in jobs:
            acks = holdfast.tokens_body([job.token])
            sent.append((broker.send(holdfast.ACK, acks), broker.send(holdfast.JOB_SHOW, job.job_id),
                         broker.send(holdfast.ACK, acks),
                         broker.send(holdfast.QUEUE_SHOW, holdfast.text8(QUEUE))))
        for first, show, second, count in sent:
            (result,) = holdfast.Reader(broker.reply(first)).results()
            broker.reply(show)
            broker.reply(second)
            broker.reply(count)
            tally.add(result.refusal is None)


def consume_in_one_frame(broker, tally, total):
    jobs = broker.lease(QUEUE, 8, wait_ms=200)
    while tally.acked < total:
        if jobs:
            results, jobs = broker.ack_lease([job.token for job in jobs], QUEUE, 8, wait_ms=200)
            tally.add(sum(result.refusal is None for result in results))
        else:
            jobs = broker.lease(QUEUE, 8, wait_ms=200)
    if jobs:
        broker.release(*[job.token for job in jobs])


def refusals(broker, other):
    """A token that has lost its lease, used while the records that ended it are under way."""
    for _ in range(20):
        broker.enqueue(QUEUE, b"contended")
        (job,) = broker.lease(QUEUE, 1, wait_ms=5_000)
        asked = [broker.send(holdfast.NACK, holdfast.nack_body([job.token], 0, "no")),
                 broker.send(holdfast.LEASE, holdfast.lease_body(QUEUE)),
                 broker.send(holdfast.ACK, holdfast.tokens_body([job.token]))]
        broker.reply(asked[0])
        (again,) = broker.leased(broker.reply(asked[1]))
        broker.reply(asked[2])
        other.ack(job.token)
        broker.ack(again.token)
    made_up = struct.pack("<QII", 1 << 40, 1, 1)
    other.ack(made_up)
    for ask in (lambda: other.job(struct.pack("<QH", 1 << 40, 1)),
                lambda: other.lease("there is no such queue"), lambda: other.ask(0x7E)):
        try:
            ask()
        except holdfast.Refused:
            pass
