"""One question for several tasks: locks that are taken ahead, and results that wait for the next question.

A journey to the server and back takes longer than a short task. So a worker whose next tasks are expected to be short
(the engine says which) takes their locks along with that of the first, and the results of all go with the next
question. It may be mistaken: a task may be long, or the worker is stopped, or killed. So what it has ahead is noted in
memory that it shares with its helper (:mod:`jug.backends.redis.watchdog`), which costs no message, and which no task
keeps the helper from reading. What stays the same there for a second or two is done by the helper:

* results are stored: what is noted are the commands for it, which may be repeated;
* locks that no task was begun with are given back. Each of them is used or given back, never both: the worker notes
  first that it uses one, and looks at the clock then; later than :data:`USABLE` seconds after it asked for the lock, it
  asks again. The helper does not look at the notes on use before twice that time. If it finds none of a lock, any
  such note is made later, by a worker that sees that it is too late.
"""

from __future__ import annotations

import time
from mmap import mmap

from jug.backends.redis.watchdog import LOCKS_AT, NOTES, RESULTS_AT, SIZE_OF_NOTES, USED_AT
from jug.backends.watchdog.shared_memory import USABLE, shared_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: What the server told of a lock that is ours: see `_ACQUIRE` in :mod:`jug.backends.redis.lock`; and its token.
    Told = tuple[int, bytes, bytes]


class Ahead:
    """What one worker has ahead of its tasks.

    Attributes
    ----------
    foresee : callable, optional
        Tells the names of the tasks that are expected to follow that of a name at once; few, and short ones.
    """

    foresee: Callable[[bytes], Sequence[bytes]] | None

    def __init__(self) -> None:
        self.foresee = None
        self._memory: mmap | None = None
        self._number = 0
        self._since = 0.0
        self._locks: dict[bytes, tuple[int, Told]] = {}
        self._late: list[tuple[bytes, bytes]] = []
        self._size_of_locks = 0
        self._waiting = self._size = 0

    def memory(self) -> int:
        """A file of the memory for a helper that is about to start, to be closed then.

        -1 where the system has none of the kind: then nothing is ahead.
        """
        fd = shared_memory(SIZE_OF_NOTES)
        if fd >= 0:
            memory = mmap(fd, SIZE_OF_NOTES)
            if self._memory is not None:  # that of a helper that was killed
                memory[:] = self._memory[:]
            self._memory = memory
        return fd

    def close(self) -> None:
        """Nothing is ahead any more: what waits still is lost, and what is locked still is somebody else's care."""
        self.clear()
        self._size = 0
        self._note()
        self._memory = None

    # Locks

    def names(self, name: bytes) -> Sequence[bytes]:
        """Of which tasks the locks are to be taken along with that of `name`."""
        return () if self._memory is None or self.foresee is None else self.foresee(name)

    def reserve(self, locks: Sequence[tuple[bytes, Told]], since: float) -> None:
        """These were asked for at `since`, and are ours."""
        self._late = self.clear()  # of another thread
        self._locks = {name: (slot, told) for slot, (name, told) in enumerate(locks)}
        if self._memory is None or not locks:
            return
        text = b"".join([b"%b %b\n" % (name, told[2]) for name, (_, told) in self._locks.items()])
        if LOCKS_AT + len(text) > RESULTS_AT:
            self._late += [(name, told[2]) for name, (_, told) in self._locks.items()]
            self._locks, text = {}, b""
        self._memory[USED_AT : USED_AT + len(self._locks)] = bytes(len(self._locks))
        self._memory[LOCKS_AT : LOCKS_AT + len(text)] = text
        self._since, self._size_of_locks = since, len(text)
        self._note()

    def use(self, name: bytes) -> Told | None:
        """The lock of `name`, if we have it ahead; from now on, it is in use."""
        slot, told = self._locks.pop(name, (0, None))
        if told is None or self._memory is None:
            return None
        self._memory[USED_AT + slot] = 1
        if time.monotonic() - self._since < USABLE:
            return told
        self._late.append((name, told[2]))  # the helper may have given it back
        return None

    def clear(self) -> list[tuple[bytes, bytes]]:
        """Have no lock ahead any more; returns the names and tokens of those that have not been used."""
        unused, self._late = self._late, []
        while self._locks:  # another thread may use one at this moment: each goes to one of us
            try:
                name, (_, told) = self._locks.popitem()
            except KeyError:
                break
            unused.append((name, told[2]))
        if self._size_of_locks:
            self._size_of_locks = 0
            self._note()
        return unused

    # Results

    def has_room(self, size: int) -> bool:
        """Whether a result of so many bytes may wait."""
        return self._memory is None or RESULTS_AT + self._size + size <= SIZE_OF_NOTES

    def show(self, command: bytes) -> None:
        """This is what stores a result that waits, until it is :meth:`settled`."""
        self._waiting += 1
        if self._memory is not None:
            begin = RESULTS_AT + self._size
            self._memory[begin : begin + len(command)] = command
            self._size += len(command)
            self._note()

    def settled(self) -> None:
        """One of the results is stored."""
        self._waiting -= 1
        if not self._waiting:
            self._size = 0
            self._note()

    def _note(self) -> None:
        if self._memory is not None:
            self._number += 1
            NOTES.pack_into(self._memory, 0, self._number, self._size_of_locks, self._size)
