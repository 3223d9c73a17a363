"""Locks whose holder is gone: how that is known, and how one of many removes such a lock.

Nobody's clock is compared with another machine's. A holder is gone if it ran on this machine and no such process is
there any more, or if its lock, which it refreshes while it lives, has not changed for long enough while this process
was watching.
"""

from __future__ import annotations

from .file_lock import parse_holder
from .fsops import write_all
from .jugdir import TEMPORARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .fsops import FileSystem
    from .jugdir import JugDir

    # What tells one state of a lock's file from another: inode, time in nanoseconds, text.
    Mark = tuple[int, int, bytes]

_LONGEST_TAKEOVER = 60.0


class Watch:
    """For how long files have not changed, by the clock of this process alone."""

    def __init__(self, fs: FileSystem) -> None:
        self._fs = fs
        self._seen: dict[str, tuple[object, float]] = {}

    def unchanged(self, path: str, mark: object) -> float:
        """For how many seconds the file `path` has been known to be as `mark` says."""
        now = self._fs.monotonic()
        seen = self._seen.get(path)
        if seen is None or seen[0] != mark:
            self._seen[path] = seen = mark, now
        return now - seen[1]

    def forget_all_but(self, paths: set[str]) -> None:
        """Forget files that are not there any more."""
        self._seen = {path: seen for path, seen in self._seen.items() if path in paths}


def mark_of(fs: FileSystem, path: str) -> Mark | None:
    """The present state of a lock's file; None if there is none."""
    try:
        fd = fs.open_read(path)
    except FileNotFoundError:
        return None
    try:
        found = fs.fstat(fd)
        return found.st_ino, found.st_mtime_ns, fs.read(fd, 4096)
    finally:
        fs.close(fd)


def is_gone(fs: FileSystem, text: bytes) -> bool:
    """Whether the lock with this text was made by a process of this machine that has ended."""
    host, pid, _since = parse_holder(text.decode("utf-8", "replace"))
    return bool(pid) and host == fs.host() and not fs.is_running(pid)


def take_away(jugdir: JugDir, path: str, mark: Mark, watch: Watch) -> bool:
    """Remove the lock `path` if it still is as `mark` says; of many processes at most one does it, and gets True.

    Looking and then removing is safe only while nobody else removes: those who want to take turns, by a file.
    """
    fs = jugdir.fs
    turn = jugdir.path(TEMPORARY, "steal-" + path.rpartition("/")[2])
    jugdir.ensure(TEMPORARY)
    try:
        fd = fs.open_excl(turn)
    except FileExistsError:
        _free(fs, turn, watch)
        return False
    except FileNotFoundError:
        jugdir.prepare(TEMPORARY)
        return False
    try:
        try:
            write_all(fs, fd, f"PID {fs.pid()} on HOSTNAME {fs.host()}\n".encode())
        finally:
            fs.close(fd)
        if mark_of(fs, path) != mark:
            return False
        _unlink(fs, path)
        return True
    finally:
        _unlink(fs, turn)


def _free(fs: FileSystem, turn: str, watch: Watch) -> None:
    """Remove the file of somebody who was killed while it was his turn, which takes no time otherwise."""
    mark = mark_of(fs, turn)
    if mark is not None and (is_gone(fs, mark[2]) or watch.unchanged(turn, mark) > _LONGEST_TAKEOVER):
        _unlink(fs, turn)


def _unlink(fs: FileSystem, path: str) -> None:
    try:
        fs.unlink(path)
    except FileNotFoundError:
        pass  # somebody else did, or we although the answer got lost
