"""Reads what strace writes with `-f -ttt -xx`: one event when a call is entered, one when it returns.

strace holds a thread at both points until it has written them down. So a call that is written as
entered has not been carried out yet, one written as returned has been, and if the program waits
with B until A has returned, then A's return stands before B's entry in the file. A program that does
not wait may, by luck, be written down in the good order too; the other way round never.
"""

import re

LINE = re.compile(r"^(?:\[pid +)?(\d+)\]? +(\d+\.\d+) (.*)$", re.S)
CALL = re.compile(r"^(\w+)\((.*)$", re.S)
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.S)
RESULT = re.compile(r"^(.*)\)\s+= (-?\d+|\?|0x[0-9a-f]+)(?:\s+(E\w+)?.*)?$", re.S)
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
UNFINISHED = " <unfinished ...>"


class TraceFault(Exception):
    """The trace cannot be read as what it should be; nothing can be concluded from it."""


def unescape(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Call:
    """One system call. `result` and `error` are known once it has returned."""

    __slots__ = ("pid", "name", "arguments", "entered", "returned", "result", "error", "note")

    def __init__(self, pid, name, arguments, entered):
        self.pid = pid
        self.name = name
        self.arguments = arguments
        self.entered = entered
        self.returned = None
        self.result = None
        self.error = None
        self.note = None

    def __repr__(self):
        return f"{self.name}({self.arguments[:60]}) = {self.result} [{self.entered}..{self.returned}]"

    @property
    def descriptor(self):
        found = re.match(r"-?\d+", self.arguments)
        return int(found.group()) if found else None

    @property
    def strings(self):
        """Every string among the arguments, as bytes; a shortened one is no evidence."""
        found = []
        for match in STRING.finditer(self.arguments):
            if match.group(2):
                raise TraceFault(f"strace shortened the bytes of line {self.entered}: use a larger -s")
            found.append(unescape(match.group(1)))
        return found

    @property
    def is_shortened(self):
        return '"...' in self.arguments

    @property
    def data(self):
        """The bytes handed over by a write or a send, or filled in by a read, of one buffer or many."""
        return b"".join(self.strings)

    @property
    def place(self):
        """Offset and flags of a pwrite64, pwritev or pwritev2."""
        tail = self.arguments[self.arguments.rfind('"') + 1:]
        numbers = [part.strip() for part in tail[tail.rfind("]") + 1:].split(",")[2:]]
        return int(numbers[0], 0), numbers[1] if len(numbers) > 1 else ""


def read(lines):
    """Yields ("enter", call) and ("return", call) in the order in which strace saw them.

    The number of a line is what `entered` and `returned` hold, so a finding names its line.
    """
    pending = {}
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n")
        if not line:
            continue
        head = LINE.match(line)
        if not head:
            raise TraceFault(f"line {number} is not one of strace's: {line[:80]}")
        pid, text = int(head.group(1)), head.group(3)
        if text.startswith("+++"):
            call = pending.pop(pid, None)
            if call is not None:
                call.returned = None
            continue
        if text.startswith("---"):
            continue
        resumed = RESUMED.match(text)
        if resumed:
            call = pending.pop(pid, None)
            if call is None or call.name != resumed.group(1):
                raise TraceFault(f"line {number} resumes a call that was not entered")
            call.arguments += resumed.group(2)
            _finish(call, number)
            yield "return", call
            continue
        start = CALL.match(text)
        if not start:
            raise TraceFault(f"line {number} is not a call: {text[:80]}")
        name, rest = start.groups()
        if rest.endswith(UNFINISHED):
            call = Call(pid, name, rest[: -len(UNFINISHED)], number)
            pending[pid] = call
            yield "enter", call
        else:
            call = Call(pid, name, rest, number)
            _finish(call, number)
            yield "enter", call
            yield "return", call


def _finish(call, number):
    match = RESULT.match(call.arguments)
    if not match:
        raise TraceFault(f"line {number} has no result")
    call.arguments, result, call.error = match.groups()
    call.returned = number
    call.result = None if result == "?" else int(result, 0)
