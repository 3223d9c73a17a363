"""Which holders of locks are gone, as far as this process can know by now.

A process of this machine is gone if there is none of its number that began when it did. Of all others only their
silence is known: the file that a holder keeps has not changed for longer than its lease, while this process was
watching, by the clock of this process alone. No two clocks are ever compared. (A lease by the time stamps of files
robs the living as soon as a clock is wrong; measured.) So does a machine that has only the name of this one.

A holder of this machine that is stopped (``kill -STOP``) gives no signs of life, and loses its locks by its silence.
"""

from __future__ import annotations

import stat

from jug.backends.base import LEASE
from jug.backends.system.filesystem import read_all
from jug.backends.system.retry import reread

from .holder import Here, has_failed, parse_holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from jug.backends.system.filesystem import FileSystem

    from .holder import Holder

    # What tells one state of a file from another: inode, time in nanoseconds, size.
    Mark = tuple[int, int, int]

#: Seconds between two questions whether the holders of this machine are alive.
_INTERVAL = 1.0


class Found:
    """A lock, or another file by which somebody says that he is there, at one moment."""

    __slots__ = ("attributes", "holder", "path")

    def __init__(self, path: str, attributes: os.stat_result, holder: Holder) -> None:
        self.path = path
        self.attributes = attributes
        self.holder = holder

    @property
    def mark(self) -> Mark:
        found = self.attributes
        return found.st_ino, found.st_mtime_ns, found.st_size

    @property
    def failed(self) -> bool:
        return has_failed(self.attributes)


def find(fs: FileSystem, path: str) -> Found | None:
    """What is at `path` now: asked from the file server. None if there is nothing."""
    return reread(lambda: _find(fs, path))


def _find(fs: FileSystem, path: str) -> Found | None:
    try:
        fd = fs.open_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        # Another user's, who keeps to himself who he is: it is there.
        return Found(path, fs.stat(path), parse_holder(b""))
    try:
        found = fs.fstat(fd)
        is_file = stat.S_ISREG(found.st_mode)  # and not a directory that is called so
        return Found(path, found, parse_holder(read_all(fs, fd) if is_file else b""))
    finally:
        fs.close(fd)


class Liveness:
    """Who is gone. Whatever was seen is kept, since only what was seen for long enough can be judged.

    Parameters
    ----------
    fs : FileSystem
    old_lease : float or None
        For how long an old release's lock may be silent; None: for ever, since nobody gives it signs of life.
    """

    def __init__(self, fs: FileSystem, old_lease: float | None = None) -> None:
        self._fs = fs
        self._old_lease = old_lease
        self._seen: dict[object, tuple[Mark, float]] = {}
        self._here: Here | None = None
        self._met: dict[tuple[int, str], Holder] = {}  # holders of this machine whose locks were in the way

    def is_gone(self, found: Found) -> bool:
        """Whether the holder of what was found is known to be gone; that of a failed lock, or of no file, never is."""
        if found.failed or not stat.S_ISREG(found.attributes.st_mode):
            return False
        silent = self.silent(found)
        known = self._as_neighbour(found.holder)
        # That there is a process of this number is not enough, where it is not known when either began.
        if known is not None and not (known and self._is_uncertain(found.holder)):
            return not known
        lease = self._lease(found)
        return lease is not None and silent >= lease

    def _is_uncertain(self, holder: Holder) -> bool:
        process = self._fs.process(holder.pid)
        return process is not None and not (process[0] and holder.start)

    def silent(self, found: Found) -> float:
        """For how many seconds its file has been known not to change."""
        now = self._fs.monotonic()
        key = (
            found.holder.worker or found.path,
            found.attributes.st_ino,
        )  # copies of an owner file are files of their own
        seen = self._seen.get(key)
        if seen is None or seen[0] != found.mark:
            self._seen[key] = seen = found.mark, now
        return now - seen[1]

    def meet(self, holder: Holder) -> None:
        """This one is in the way: :meth:`wait` is to notice if it ends."""
        if self._as_neighbour(holder):
            self._met[holder.pid, holder.start] = holder

    def wait(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Pause for so long, or until one that was met has ended."""
        while self._met and seconds > _INTERVAL:
            sleep(_INTERVAL)
            seconds -= _INTERVAL
            gone = [key for key, holder in self._met.items() if not self._as_neighbour(holder)]
            for key in gone:
                del self._met[key]
            if gone:
                return
        sleep(seconds)

    def here(self) -> Here:
        """This machine."""
        if self._here is None:
            self._here = Here(self._fs)
        return self._here

    def _lease(self, found: Found) -> float | None:
        if found.holder.worker:
            return found.holder.lease or LEASE
        # Without a word: whoever made it was stopped before the next call.
        return self._old_lease if found.holder.pid else LEASE

    def _as_neighbour(self, holder: Holder) -> bool | None:
        """Whether the process is there, if it is one that we can see, and is not stopped; None if that is not known."""
        if not holder.pid:
            return None
        here = self.here()
        if not here.has_same_processes(holder):
            # Started again since? A machine of this name may be another one.
            return False if here.is_later_start_of(holder) else None
        found = self._fs.process(holder.pid)
        if found is None or (holder.start and found[0] and found[0] != holder.start):
            return False
        return None if found[1] else True
