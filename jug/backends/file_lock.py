"""A lock is a file that only one can create; it holds the name of who did.

A failed lock is one whose time stamp is one second after the epoch.
"""

from __future__ import annotations

import time

from .base import LockDetails, base_lock
from .fsops import look, write_all
from .jugdir import LOCKS, JugDir, cannot
from .persistence import persist

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from .base import Name
    from .fsops import FileSystem

FAILED_TIME = 1
_CREATED = "%Y-%m-%d (%Hh%M.%S)"


class file_based_lock(base_lock):
    """The lock `name` of the file store in the directory `jugdir`."""

    def __init__(self, jugdir: str | os.PathLike[str] | JugDir, name: Name, *, fs: FileSystem | None = None) -> None:
        self._dir = jugdir if isinstance(jugdir, JugDir) else JugDir(jugdir, fs)
        self._fs = self._dir.fs
        self.fullname = self._dir.lock(name)
        # Inode and text of the file that we created. An inode alone is not enough: its number is soon used again.
        self._mark: tuple[int, bytes] | None = None

    def get(self) -> bool:
        with cannot("create the lock", self.fullname):
            return persist(self._fs, self.fullname, self._try)

    def release(self) -> None:
        if self._mark is None:
            return
        with cannot("release the lock", self.fullname):
            if self.is_ours(unless_failed=True):
                self._unlink()
        self._mark = None

    def is_locked(self) -> bool:
        return self._look() is not None

    def is_failed(self) -> bool:
        return has_failed(self._look())

    def fail(self) -> bool:
        with cannot("mark as failed the lock", self.fullname):
            if self._mark is not None and not self.is_ours():
                return False  # it was taken from us, and is not ours to mark
            try:
                self._fs.utime(self.fullname, FAILED_TIME)
            except FileNotFoundError:
                return False
        return True

    def remove(self, failed_only: bool = False) -> bool:
        """Remove the lock, whoever holds it; True if it was there (and had failed, if that is asked)."""
        with cannot("remove the lock", self.fullname):
            if failed_only and not self.is_failed():
                return False
            return self._dir.unlink(self.fullname)

    def details(self) -> LockDetails | None:
        """Who made the lock, and when; None if there is none."""
        with cannot("look at the lock", self.fullname):
            try:
                found = self._read()
            except (PermissionError, IsADirectoryError):
                return LockDetails(self.is_failed())  # another user's, or no lock at all
        if found is None:
            return None
        host, pid, since = parse_holder(found[1].decode("utf-8", "replace"))
        return LockDetails(has_failed(found[0]), host, pid, since)

    def holder(self) -> str:
        """What the lock's file says about who made it; empty if there is no lock."""
        found = self._read()
        return found[1].decode("utf-8", "replace").strip() if found else ""

    def is_ours(self, unless_failed: bool = False) -> bool:
        """Whether the lock's file is the one that this object made."""
        found = self._read()
        if found is None or (found[0].st_ino, found[1]) != self._mark:
            return False
        return not (unless_failed and has_failed(found[0]))

    def _try(self) -> bool:
        fd = self._create()
        if fd is None:
            return False
        text = self._identity()
        try:
            self._mark = self._sign(fd, text), text
        except BaseException:
            self._unlink()
            raise
        return True

    def _create(self) -> int | None:
        """Create the file and open it; None if there is one."""
        try:
            return self._fs.open_excl(self.fullname)
        except FileExistsError:
            return None
        except FileNotFoundError:
            self._dir.prepare(LOCKS)
        try:
            return self._fs.open_excl(self.fullname)
        except FileExistsError:
            return None

    def _identity(self) -> bytes:
        fs = self._fs
        created = time.strftime(_CREATED, time.localtime(fs.now()))
        return f"PID {fs.pid()} on HOSTNAME {fs.host()}\nLock created on {created}\n".encode()

    def _sign(self, fd: int, text: bytes) -> int:
        """Write who we are; returns the inode."""
        try:
            write_all(self._fs, fd, text)
            return self._fs.fstat(fd).st_ino
        finally:
            self._fs.close(fd)

    def _read(self) -> tuple[os.stat_result, bytes] | None:
        try:
            fd = self._fs.open_read(self.fullname)
        except FileNotFoundError:
            return None
        try:
            return self._fs.fstat(fd), self._fs.read(fd, 4096)
        finally:
            self._fs.close(fd)

    def _look(self) -> os.stat_result | None:
        with cannot("look at the lock", self.fullname):
            found = look(self._fs, self.fullname)
            if found is not None or not self._dir.revalidate(LOCKS):
                return found
            return look(self._fs, self.fullname)

    def _unlink(self) -> bool:
        try:
            self._fs.unlink(self.fullname)
        except FileNotFoundError:
            return False
        return True


def has_failed(found: os.stat_result | None) -> bool:
    """True for the attributes of a lock that is marked as failed."""
    return found is not None and int(found.st_mtime) == FAILED_TIME


def parse_holder(text: str) -> tuple[str, int, float | None]:
    """Host, process and time from what a lock's file says; empty, 0 and None for what it does not say."""
    host, pid, since = "", 0, None
    for line in text.splitlines():
        words = line.split()
        if len(words) == 5 and (words[0], words[2], words[3]) == ("PID", "on", "HOSTNAME") and words[1].isdecimal():
            host, pid = words[4], int(words[1])
        elif line.startswith("Lock created on "):
            since = _seconds(line[len("Lock created on ") :])
    return host, pid, since


def _seconds(created: str) -> float | None:
    try:
        return time.mktime(time.strptime(created, _CREATED))
    except (ValueError, OverflowError):
        return None
