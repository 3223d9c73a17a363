"""Who holds a lock, as the file of the lock says.

Line by line: a JSON object for us; ``PID <pid> on HOSTNAME <host>`` and ``Lock created on <date>``, which is all that
old releases wrote; and, for a task that takes longer than a moment, ``RUNS <hash> SINCE <seconds>``, padded with
blanks, which changes while the file is there. What cannot be read is left out: a file may be foreign, or cut short.

The name of a holder is a random number, a word for where numbers of processes mean the same, and its process: so one
who was stopped before he could write anything can be told from one who is about to.
"""

from __future__ import annotations

import time

from jug.words.plain import plain_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from jug.backends.system.filesystem import FileSystem


_CREATED = "%Y-%m-%d (%Hh%M.%S)"
_NOTE_WIDTH = 80
_HEX = "0123456789abcdef"
_NAME_LENGTH = 56
FAILED_TIME = 1
_ALL_PROCESSES = "pid:[4026531836]"  # what Linux calls those of the whole machine


class Holder:
    """One who may hold locks.

    Attributes
    ----------
    worker : str
        A name that nobody else has; empty for old releases.
    host, user, run : str
    pid : int
    start, boot, machine, namespace : str
        When its process began, and where its number means something: see
        :class:`~jug.backends.system.filesystem.FileSystem`.
    since : float or None
        When it began to hold locks, or for old releases the lock, by the clock of its host.
    lease : float or None
        For how many seconds it may give no sign of life; None if it promises none.
    task, task_since
        The hash of what it has been running for more than a moment, and since when; empty and None otherwise.
    """

    __slots__ = (
        *("worker", "host", "user", "run", "pid", "start", "boot", "machine", "namespace", "since", "lease"),
        *("task", "task_since"),
    )

    def __init__(self) -> None:
        self.worker = self.host = self.user = self.run = self.start = self.boot = self.machine = self.namespace = ""
        self.pid = 0
        self.since: float | None = None
        self.lease: float | None = None
        self.task = ""
        self.task_since: float | None = None

    @property
    def place(self) -> str:
        """Host and process, as people write them."""
        return f"{self.host or '?'}:{self.pid or '?'}"

    def text(self) -> bytes:
        """What the file says, up to the note on the task."""
        import json

        facts = {"v": 1, "id": self.worker, "host": self.host, "pid": self.pid, "start": self.start}
        facts |= {"boot": self.boot, "machine": self.machine, "ns": self.namespace, "user": self.user}
        facts |= {"t": self.since, "lease": self.lease, "run": self.run}
        created = time.strftime(_CREATED, time.localtime(self.since))
        words = f"{json.dumps(facts)}\nPID {self.pid} on HOSTNAME {self.host}\nLock created on {created}\n"
        return words.encode("utf-8", "surrogateescape")


class Here:
    """This machine."""

    def __init__(self, fs: FileSystem) -> None:
        self._host, self.boot = fs.host(), fs.boot()
        self._machine, self.namespace = fs.machine(), fs.namespace()

    def has_same_processes(self, holder: Holder) -> bool:
        """Whether the holder's process, if it is there, has the same number for us."""
        if not holder.worker:
            return holder.host == self._host  # an old release's, which says no more
        if not (holder.boot and self.boot):
            same = (holder.host, holder.machine, holder.namespace) == (self._host, self._machine, self.namespace)
            return same and holder.boot == self.boot
        return (holder.boot, holder.namespace) == (self.boot, self.namespace)

    def is_later_start_of(self, holder: Holder) -> bool:
        """Whether the holder worked here before the machine was started again. Not known in a container."""
        here = self._host, self._machine, self.namespace
        return (
            bool(holder.boot and holder.machine)
            and holder.boot != self.boot
            and holder.namespace == _ALL_PROCESSES
            and (holder.host, holder.machine, holder.namespace) == here
        )


def this_process(fs: FileSystem, lease: float) -> Holder:
    """A holder that is this process, with a name of its own."""
    holder = Holder()
    holder.pid = fs.pid()
    found = fs.process(holder.pid)
    holder.start = found[0] if found else ""
    holder.host, holder.user = fs.host(), fs.user()
    holder.boot, holder.machine, holder.namespace = fs.boot(), fs.machine(), fs.namespace()
    holder.since, holder.lease = fs.now(), lease
    holder.worker = f"{fs.token()}{place_of(holder.boot, holder.namespace)}{_process_in_hex(holder)}"
    return holder


def place_of(boot: str, namespace: str) -> str:
    """A word of 16 digits for those processes whose numbers mean the same."""
    from hashlib import blake2b  # late: the watchdog, which rarely needs it, begins in three quarters of the time

    return blake2b(f"{boot} {namespace}".encode(), digest_size=8).hexdigest()


def from_name(worker: str, here: Here) -> Holder:
    """What the name of a worker tells of him who was stopped before he wrote more: his process, if it was here."""
    holder = Holder()
    parts = [worker[start:stop] for start, stop in ((16, 32), (32, 40), (40, 56))]
    if len(worker) != _NAME_LENGTH or worker.strip(_HEX) or parts[0] != place_of(here.boot, here.namespace):
        return holder
    holder.worker, holder.boot, holder.namespace = worker, here.boot, here.namespace
    holder.pid, start = int(parts[1], 16), int(parts[2], 16)
    holder.start = str(start) if start else ""
    return holder


def _process_in_hex(holder: Holder) -> str:
    start = int(holder.start) if holder.start.isdecimal() else 0
    return f"{holder.pid % 16**8:08x}{start % 16**16:016x}"


def parse_holder(text: bytes) -> Holder:
    """Who wrote this text; a holder of whom nothing is known if it says nothing."""
    holder = Holder()
    for line in text.decode("utf-8", "replace").splitlines():
        words = line.split()
        if line.startswith("{"):
            _read_facts(holder, line)
        elif len(words) == 5 and (words[0], words[2], words[3]) == ("PID", "on", "HOSTNAME") and words[1].isdecimal():
            holder.host, holder.pid = plain_line(words[4]), int(words[1])
        elif line.startswith("Lock created on ") and holder.since is None:
            holder.since = _seconds(line[len("Lock created on ") :])
        elif len(words) == 4 and (words[0], words[2]) == ("RUNS", "SINCE"):
            holder.task, holder.task_since = words[1], _number(words[3])
    return holder


def note_of(task: bytes, since: float) -> bytes:
    """The line on what its holder is running, always of the same length; nothing if `task` is empty."""
    words = f"RUNS {task.decode('ascii')} SINCE {since:.3f}" if task else ""
    return words.ljust(_NOTE_WIDTH - 1).encode() + b"\n"


def has_failed(found: os.stat_result | None) -> bool:
    """True for the attributes of a lock that is marked as failed."""
    return found is not None and int(found.st_mtime) == FAILED_TIME


def _read_facts(holder: Holder, line: str) -> None:
    import json

    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        return
    holder.worker, holder.start, holder.boot = _word(facts, "id"), _word(facts, "start"), _word(facts, "boot")
    holder.machine, holder.namespace = _word(facts, "machine"), _word(facts, "ns")
    holder.user, holder.run = _word(facts, "user"), _word(facts, "run")
    holder.since, holder.lease = _number(facts.get("t")), _number(facts.get("lease"))
    pid = facts.get("pid")
    holder.host, holder.pid = _word(facts, "host"), pid if type(pid) is int else 0


def _word(facts: dict[str, Any], key: str) -> str:
    value = facts.get(key)
    return plain_line(value) if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]  # what it may be is what it is tried for
    except (TypeError, ValueError):
        return None


def _seconds(created: str) -> float | None:
    try:
        return time.mktime(time.strptime(created, _CREATED))
    except (ValueError, OverflowError):
        return None
