"""Memory that a worker and its watchdog share: what the worker runs, what it has locked ahead, and results that wait.

A message for each of many short tasks would cost more than the tasks; and what a worker has said in this way is known
after its end, however sudden. The worker writes, the watchdog reads. While either stores the results that wait, it has
the memory alone.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import contextmanager
from mmap import PROT_READ, PROT_WRITE, mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RUNS = struct.Struct("40sd")
_STATE = struct.Struct("QQ")  # which group this is, and how many bytes of it there are
_STATE_AT = 64
_AHEAD = struct.Struct("QQ")  # how often something was said of it, and how many locks it is
_AHEAD_AT, _USED_AT, _NAMES_AT = 128, 160, 256
_NAME = 40
_BEGIN = 4096
#: Locks ahead for which there is room.
AHEAD = 64
#: Seconds after which a lock that was taken ahead is not used any more. Watchdogs wait for twice as long.
USABLE = 0.5
#: Bytes of results for which there is room.
ROOM = 1 << 20
SIZE = _BEGIN + ROOM


class Mirror:
    """One end of it; `fd` is the file of the memory, which :meth:`close` closes."""

    def __init__(self, fd: int, writes: bool) -> None:
        self._fd = fd
        self._memory = mmap(fd, SIZE, prot=PROT_READ | PROT_WRITE if writes else PROT_READ)
        self._number = 0
        self._said = 0

    def close(self) -> None:
        self._memory.close()
        fd, self._fd = self._fd, -1
        os.close(fd)

    # The worker's

    def runs(self, task: bytes, since: float) -> None:
        """Say what runs from now on; nothing if `task` is empty."""
        _RUNS.pack_into(self._memory, 0, task, since)

    def show(self, data: bytes, at: int) -> None:
        """These bytes of results follow the `at` bytes that are there; there must be room."""
        begin = _BEGIN + at
        self._memory[begin : begin + len(data)] = data
        _STATE.pack_into(self._memory, _STATE_AT, self._number, at + len(data))

    def clear(self) -> None:
        """Nothing waits any more. (Nobody reads it after the watchdog's end, which may come while we store.)"""
        if self._fd < 0:
            return
        self._number += 1
        _STATE.pack_into(self._memory, _STATE_AT, self._number, 0)

    def foresees(self, names: Sequence[bytes]) -> None:
        """Say which locks are ahead from now on, of which no task was begun: at most :data:`AHEAD`."""
        self._say(0)  # whoever is reading has to notice
        if names:
            self._memory[_USED_AT : _USED_AT + len(names)] = bytes(len(names))
            self._memory[_NAMES_AT : _NAMES_AT + _NAME * len(names)] = b"".join(names)
            self._say(len(names))

    def begins(self, number: int) -> None:
        """Say that the task of one of these is begun: the first is number 0."""
        self._memory[_USED_AT + number] = 1

    def _say(self, number: int) -> None:
        self._said += 1
        _AHEAD.pack_into(self._memory, _AHEAD_AT, self._said, number)

    # The watchdog's

    def running(self) -> tuple[bytes, float]:
        """What runs at this moment, and since when by the worker's clock; empty if nothing."""
        task, since = _RUNS.unpack_from(self._memory, 0)
        return task.rstrip(b"\0"), since

    def state(self) -> tuple[int, int]:
        """Which group waits, and how many bytes it has."""
        number, size = _STATE.unpack_from(self._memory, _STATE_AT)
        return number, size

    def data(self) -> bytes:
        """The results that wait."""
        return self._memory[_BEGIN : _BEGIN + self.state()[1]]

    def ahead(self) -> tuple[int, int]:
        """Something that is another one whenever locks are taken ahead, and how many these are."""
        said, number = _AHEAD.unpack_from(self._memory, _AHEAD_AT)
        return said, number

    def unused(self) -> list[bytes]:
        """The locks that are ahead, and of which no task was begun."""
        used = self._memory[_USED_AT : _USED_AT + self.ahead()[1]]
        names = self._memory[_NAMES_AT : _NAMES_AT + _NAME * len(used)]
        return [names[_NAME * number :][:_NAME] for number, is_used in enumerate(used) if not is_used]

    # Of both

    @contextmanager
    def alone(self, waits: bool = True) -> Iterator[bool]:
        """Have it alone until the end of the block; False if the other one has it, and this one does not wait."""
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            if self._fd >= 0:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)


def shared_memory(size: int = SIZE) -> int:
    """A file of memory, by default for a :class:`Mirror`; -1 where the system has none of this kind."""
    create = getattr(os, "memfd_create", None)
    if create is None:
        return -1
    fd: int = create("jug")
    try:
        os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd
