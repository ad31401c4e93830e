"""The broker's files as the trace shows them: which descriptor is which file, and which of the bytes
written to it had to be on the disk by when."""

import os
import re

from . import trace

WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
SYNCS = {"fsync", "fdatasync"}
# Ways to change a file that this program does not follow. On a segment they end the proof.
UNFOLLOWED = {"sendfile", "splice", "copy_file_range", "vmsplice", "io_uring_setup",
              "io_uring_enter", "io_uring_register", "io_submit"}


class File:
    """One file, by whatever descriptors and names."""

    def __init__(self, path):
        self.path = path
        self.writes = []          # those not known durable yet, in order of their return
        self.sync_failed = False


class Write:
    """Bytes that went into a file, and the line at which they became durable (None: never)."""

    __slots__ = ("file", "path", "offset", "data", "entered", "returned", "durable_at", "is_synchronous")

    def __init__(self, file, offset, data, call, is_synchronous):
        self.file = file
        self.path = file.path
        self.offset = offset
        self.data = data
        self.entered = call.entered
        self.returned = call.returned
        self.is_synchronous = is_synchronous
        self.durable_at = call.returned if is_synchronous else None


class Files:
    """Follows opens, renames, writes and syncs below one directory."""

    def __init__(self, root, fault):
        self.root = os.fsencode(root).rstrip(b"/")
        self.fault = fault
        self.by_path = {}
        self.by_descriptor = {}   # descriptor → (file or None, path, offset, is_synchronous)
        self.unsynced_names = {}  # path → line of the call that made the name
        self.named_at = {}        # path → line at which its name became durable
        self.sync_snapshots = {}
        self.first_failed_sync = None
        self.log_writes = []

    def is_ours(self, path):
        return path == self.root or path.startswith(self.root + b"/")

    def enter(self, call):
        if call.name in SYNCS:
            entry = self.by_descriptor.get(call.descriptor)
            if entry:
                file, path = entry[0], entry[1]
                names = [name for name in self.unsynced_names if os.path.dirname(name) == path]
                self.sync_snapshots[call] = (file, list(file.writes), names)

    def leave(self, call):
        name = call.name
        if name in ("open", "openat", "creat"):
            self._open(call)
        elif name == "close":
            if call.result == 0:
                self.by_descriptor.pop(call.descriptor, None)
        elif name in ("dup", "dup2", "dup3") or name == "fcntl" and "F_DUPFD" in call.arguments:
            if call.result is not None and call.result >= 0:
                self.by_descriptor.pop(call.result, None)
                if call.descriptor in self.by_descriptor:
                    self.by_descriptor[call.result] = self.by_descriptor[call.descriptor]
        elif name in WRITES:
            self._write(call)
        elif name in SYNCS:
            self._sync(call)
        elif name in ("rename", "renameat", "renameat2"):
            self._rename(call)
        elif name in ("mkdir", "mkdirat", "link", "linkat") and call.result == 0:
            path = self._path(call, -1)
            if self.is_ours(path):
                self.unsynced_names[path] = call.returned
        elif name in ("accept", "accept4", "socket", "eventfd2", "epoll_create1", "timerfd_create"):
            if call.result is not None and call.result >= 0:
                self.by_descriptor.pop(call.result, None)
        elif name == "mmap":
            self._map(call)
        elif name in UNFOLLOWED and not name.startswith("io_uring"):
            for number in re.findall(r"\b\d+\b", call.arguments):
                entry = self.by_descriptor.get(int(number))
                if entry and entry[0] and entry[1].endswith(b".seg"):
                    self.fault(call.entered, f"{name} on a segment is not followed by this program")
        elif name.startswith("io_uring") and call.result is not None and call.result >= 0:
            self.fault(call.entered, "io_uring is used: its writes and sends do not show in the trace")

    def durable_name(self, path):
        """The line at which every name from the root to `path` was durable; None: never."""
        line = 0
        while path != self.root and self.is_ours(path):
            if path in self.unsynced_names:
                return None
            line = max(line, self.named_at.get(path, 0))
            path = os.path.dirname(path)
        return line

    def _path(self, call, index):
        """The path that stands at `index` among a call's strings; relative ones begin at the
        descriptor in front of them."""
        found = list(trace.STRING.finditer(call.arguments))[index]
        path = trace.unescape(found.group(1))
        base = re.search(r"(\d+), $", call.arguments[:found.start()])
        if not path.startswith(b"/") and base and int(base.group(1)) in self.by_descriptor:
            path = os.path.join(self.by_descriptor[int(base.group(1))][1], path)
        return os.path.normpath(path)

    def _open(self, call):
        if call.result is None or call.result < 0:
            return
        self.by_descriptor.pop(call.result, None)
        path = self._path(call, 0)
        if not self.is_ours(path):
            return
        if path not in self.by_path:
            self.by_path[path] = File(path)
            if "O_CREAT" in call.arguments:
                self.unsynced_names[path] = call.returned
        synchronous = "O_DSYNC" in call.arguments or "O_SYNC" in call.arguments
        self.by_descriptor[call.result] = [self.by_path[path], path, 0, synchronous]

    def _rename(self, call):
        if call.result != 0:
            return
        old, new = self._path(call, 0), self._path(call, 1)
        if not self.is_ours(new):
            return
        file = self.by_path.pop(old, None) or File(new)
        file.path = new
        self.by_path[new] = file
        self.unsynced_names.pop(old, None)
        self.named_at.pop(old, None)
        self.unsynced_names[new] = call.returned
        for entry in self.by_descriptor.values():
            if entry[0] is file:
                entry[1] = new

    def _write(self, call):
        entry = self.by_descriptor.get(call.descriptor)
        if entry is None or call.result is None or call.result <= 0:
            return
        file, path, position, synchronous = entry
        flags = ""
        if call.name in ("pwrite64", "pwritev", "pwritev2"):
            offset, flags = call.place
        else:
            offset, entry[2] = position, position + call.result
        synchronous = synchronous or "RWF_DSYNC" in flags or "RWF_SYNC" in flags
        data = call.data[: call.result]
        write = Write(file, offset, data, call, synchronous and not file.sync_failed)
        if write.durable_at is None:
            file.writes.append(write)
        self.log_writes.append(write)

    def _sync(self, call):
        file, writes, names = self.sync_snapshots.pop(call, (None, [], []))
        if file is None:
            return
        if call.result != 0:
            # What a failed sync covered may be gone for good, whatever a later one says.
            file.sync_failed = True
            file.writes = []
            if self.first_failed_sync is None:
                self.first_failed_sync = call.returned or call.entered
            return
        if not file.sync_failed:
            for write in writes:
                if write.durable_at is None:
                    write.durable_at = call.returned
            done = set(map(id, writes))
            file.writes = [write for write in file.writes if id(write) not in done]
        for name in names:
            if self.unsynced_names.pop(name, None) is not None:
                self.named_at[name] = call.returned

    def _map(self, call):
        parts = [part.strip() for part in call.arguments.split(",")]
        if len(parts) < 5 or "MAP_SHARED" not in parts[3] or "PROT_WRITE" not in parts[2]:
            return
        entry = self.by_descriptor.get(int(parts[4])) if parts[4].lstrip("-").isdigit() else None
        if entry and entry[1].endswith(b".seg"):
            self.fault(call.entered, "a segment is mapped shared and writable: stores do not show")
