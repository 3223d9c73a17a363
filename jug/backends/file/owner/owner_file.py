"""The owner file of one who holds locks, and the locks that are names of it.

``tempfiles/w-<name>`` says who the holder is (:mod:`jug.backends.file.owner.holder`). It is written and synced once;
from then on a lock is a *hard link* to it, ``locks/<hash>.lock``: complete from its first instant, made in one step
that fails if there is one already, and free of cost. One time stamp is the sign of life of all of them. Where a file
system has no hard links, a lock is a file of its own with the same text.
"""

from __future__ import annotations

import errno
import threading

from jug.backends.file.names import LOCKS, TEMPORARY
from jug.backends.system.filesystem import look, open_own, sync_directory, write_all

from .holder import parse_holder
from .liveness import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from jug.backends.system.filesystem import FileSystem

    from .holder import Holder

OWNER = "w-"
_LOCK = ".lock"
#: What is said where there are no hard links, or no more of them.
NO_LINKS = frozenset(
    getattr(errno, name)
    for name in ("EPERM", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK", "EACCES")
    if hasattr(errno, name)
)


class OwnerFile:
    """The owner file `name` in the jugdir `root`, made by us or by somebody else.

    Attributes
    ----------
    path : str
    text : bytes
        What it says, if it is ours.
    inode : int
        The number of the file, if it is ours or our worker's.
    has_links : bool
        False once a hard link was refused.
    ended : set of str
        The owners of which it is known that they were ended (:mod:`jug.backends.file.owner.recovery`).
    """

    def __init__(self, fs: FileSystem, root: str, name: str, size: int = 0, inode: int = 0) -> None:
        self._fs = fs
        self.root = root
        self.name = name
        base = root.rstrip("/")
        self.locks = f"{base}/{LOCKS}"
        self.temporary = f"{base}/{TEMPORARY}"
        self.path = f"{self.temporary}/{OWNER}{name}"
        self.text = b""
        self.inode = inode
        self._size = size  # of the text
        self._open = -1
        self.has_links = True
        self.ended: set[str] = set()
        #: For threads of this process that do what is for one process at a time.
        self.one_at_a_time = threading.Lock()

    def create(self, holder: Holder) -> None:
        """Make it, for good: whoever finds a lock of ours can tell whose it is, whatever happens to this machine."""
        self.text = holder.text()
        self._size = len(self.text)
        try:
            self._write()
            sync_directory(self._fs, self.temporary)
        except BaseException:
            self.remove()  # it may be there, whatever was said: its name is ours alone
            raise

    def _write(self) -> None:
        # It stays open: no other file has its number, even if somebody who takes us for dead removes it.
        self._open = self._fs.open_excl(self.path)
        write_all(self._fs, self._open, self.text)
        self._fs.fsync(self._open)
        self.inode = self._fs.fstat(self._open).st_ino

    def remove(self) -> None:
        """Remove it; locks that are still there go on saying whose they were."""
        self.leave()
        self._forget(self.path)

    def leave(self) -> None:
        """Have nothing to do with it any more."""
        fd, self._open = self._open, -1
        try:
            if fd >= 0:
                self._fs.close(fd)
        except OSError:
            pass  # what it says has been synced, or is not to be there

    def is_there(self, is_coherent: bool) -> bool:
        """Whether nobody has ended us, as the file server says now; `is_coherent`: this machine remembers nothing."""
        if not is_coherent:
            try:
                self._fs.close(self._fs.open_dir(self.temporary))
            except FileNotFoundError:
                return False
            return look(self._fs, self.path) is not None
        try:
            self._fs.stat(self.path)
        except FileNotFoundError:
            return False
        return True

    def note(self, line: bytes) -> None:
        """Write a line behind the text, in place of the one before."""
        fd = open_own(self._fs, self.path, self._is_the_one)
        try:
            self._fs.pwrite(fd, line, self._size)
        finally:
            self._fs.close(fd)

    def touch(self, lock: str = "") -> None:
        """Give a sign of life by its time stamp, or by that of a lock that is a file of its own."""
        fd = open_own(self._fs, self.lock(lock) if lock else self.path, self._is_copy if lock else self._is_the_one)
        try:
            self._fs.utime(fd, None)
        finally:
            self._fs.close(fd)

    def _is_the_one(self, fd: int, found: os.stat_result) -> bool:
        return found.st_ino == self.inode and self._is_copy(fd, found)

    def _is_copy(self, fd: int, found: os.stat_result) -> bool:
        """Whether the open file says that it is ours, which nobody else's does that he would mind losing."""
        return parse_holder(self._fs.pread(fd, self._size, 0)).worker == self.name

    # Its locks, and what else is to be made by one alone

    def lock(self, name: str) -> str:
        """The path of the lock `name`."""
        return f"{self.locks}/{name}{_LOCK}"

    def passing(self, kind: str) -> str:
        """A path for a file of ours that is to have another name soon; `kind` is a letter."""
        return f"{self.temporary}/{kind}-{self.name}-{self._fs.token()}"

    def claim(self, path: str) -> bool:
        """Make the file `path` one that says that it is ours; False if there is one. Of many, one succeeds."""
        if self.has_links:
            try:
                self._fs.link(self.path, path)
                return True
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                self.has_links = False
        return self._copy(path)

    def replace(self, path: str, check: Callable[[], bool]) -> bool:
        """Put a file that says that it is ours in the place of another, such that there is no moment without one.

        False if `check`, asked when that file is there and so are we, says no.
        """
        passing = self.passing("s")
        self.claim(passing)
        try:
            if not (self.is_there(is_coherent=False) and check()):
                self._forget(passing)
                return False
            self._fs.rename(passing, path)
        except OSError:
            if not self.is_at(path):  # it was done, and the reply got lost
                self._forget(passing)
                raise
        return True

    def is_at(self, path: str) -> bool:
        """Whether the file `path` is ours."""
        found = find(self._fs, path)
        return found is not None and not found.failed and found.holder.worker == self.name

    def remove_lock(self, name: str) -> bool:
        """Remove the lock `name` if it is ours; False if it is not."""
        path = self.lock(name)
        if not self.is_at(path):
            return False
        self._forget(path)
        return True

    def _copy(self, path: str) -> bool:
        try:
            fd = self._fs.open_excl(path)
        except FileExistsError:
            return False
        try:
            try:
                write_all(self._fs, fd, self.text)
            finally:
                self._fs.close(fd)
        except BaseException:
            self._forget(path)
            raise
        return True

    def _forget(self, path: str) -> None:
        try:
            self._fs.unlink(path)
        except FileNotFoundError:
            pass
