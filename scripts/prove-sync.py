#!/usr/bin/env python3
"""Looks for a reply that left before the sync of what it depends on.

    prove-sync.py                 drives the release broker under strace and judges the trace
    prove-sync.py --self-test     judges made-up traces, most of them bad; each must be found
    prove-sync.py --judge FILE DIR    judges a trace of a broker whose directory was DIR

Ends with 0 if nothing was found and enough was judged, with 1 if not, with 69 if it cannot run.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from syncproof import drive, judge, planted  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CALLS = ("open,openat,openat2,creat,close,dup,dup2,dup3,fcntl,socket,accept,accept4,mkdir,mkdirat,link,"
         "linkat,rename,renameat,renameat2,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,"
         "sendmmsg,pwrite64,pwritev,pwritev2,fsync,fdatasync,mmap,sendfile,splice,vmsplice,"
         "copy_file_range,io_uring_setup,io_uring_enter,io_uring_register,io_submit,eventfd2,"
         "epoll_create1,timerfd_create")
WANTED = ("enqueues", "leases", "acks")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--broker", default=os.path.join(TOP, ".build/release/broker"))
    parser.add_argument("--count", type=int, default=1000, help="of each kind, at least")
    parser.add_argument("--keep", action="store_true", help="keep trace and directory")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--judge", nargs=2, metavar=("TRACE", "DIR"))
    arguments = parser.parse_args()
    if arguments.self_test:
        return min(planted.self_test(), 1)
    if arguments.judge:
        return report(arguments.judge[0], arguments.judge[1], arguments.count)
    if planted.self_test():
        print("the judge does not know right from wrong; what it says of the broker means nothing")
        return 1
    if not install_strace():
        return 69
    directory = tempfile.mkdtemp(prefix="holdfast-prove-sync-")
    try:
        trace = os.path.join(directory, "trace")
        data = os.path.join(directory, "data")
        failure = run(arguments.broker, trace, data, arguments.count)
        if failure:
            print(failure, file=sys.stderr)
            return 69
        return report(trace, data, arguments.count)
    finally:
        if arguments.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def install_strace():
    if shutil.which("strace"):
        return True
    if not shutil.which("apt-get"):
        print("strace is missing and there is no apt-get here: install strace", file=sys.stderr)
        return False
    print("strace is missing; installing it")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    try:
        subprocess.run(sudo + ["apt-get", "update", "-qq"], check=True)
        subprocess.run(sudo + ["apt-get", "install", "-y", "-qq", "strace"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"cannot install strace: {error}; install it as root", file=sys.stderr)
        return False
    return True


def run(broker, trace, data, count):
    """Drives a traced broker. Returns a sentence where that was not possible."""
    if not os.access(broker, os.X_OK):
        return f"there is no {broker}: make build"
    port = drive.free_port()
    process = subprocess.Popen(
        # Small segments: what is zero-filled ahead ends up in the trace as well.
        ["strace", "-f", "-ttt", "-xx", "-s", "2000000", "--seccomp-bpf", "-qq", "-e",
         f"trace={CALLS}", "-e", "signal=none", "-o", trace, broker, "--data-dir", data, "--listen",
         f"127.0.0.1:{port}", "--log-level", "error", "--segment-mib", "1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        drive.wait_until_served(port, process)
        drive.work(port, count)
    finally:
        children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split() \
            if process.poll() is None else []
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        try:
            status = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            for child in children:
                os.kill(int(child), signal.SIGKILL)
            process.kill()
            return "the broker did not stop within a minute"
    return None if status == 0 else f"the broker ended with {status}"


def report(trace, data, count):
    with open(trace, encoding="ascii") as lines:
        verdict = judge.judge(lines, data)
    judged = ", ".join(f"{number} {kind}" for kind, number in verdict.judged.items())
    print(f"{verdict.replies} replies on {verdict.connections} connections, {verdict.frames} frames; "
          f"judged: {judged}")
    for line, sentence in verdict.faults[:20]:
        print(f"line {line}: {sentence}")
    few = [kind for kind in WANTED if verdict.judged[kind] < count]
    if few:
        print(f"fewer than {count} {', '.join(few)} were judged")
    print(f"{len(verdict.faults)} replies or writes that break the promise"
          + ("" if verdict.faults or few else ": none left before its sync"))
    return 1 if verdict.faults or few else 0


if __name__ == "__main__":
    sys.exit(main())
