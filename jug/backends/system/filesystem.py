"""Every system call of the file store, behind one object.

Nothing else of the store touches a file, a clock or a process id, so that another object with these methods can stand
in: a simulated file system with caches and power cuts, a recorder, a disk that is full. Methods are the calls of
POSIX under their own names, one call each; paths are ``str``, open files are small numbers, and what goes wrong is an
``OSError``. Decisions (what to retry, what an error means) belong to the callers.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from . import proc
from .signals import Ear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from .signals import Deaf

_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | _CLOEXEC | _BINARY
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOEXEC | _BINARY
# Whoever can write to the jugdir can put a link, a pipe or a device in the place of a file.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_CHANGE = os.O_RDWR | _NO_LINK | _NO_WAIT | _CLOEXEC | _BINARY
_DIRECTORY = os.O_RDONLY | _CLOEXEC | getattr(os, "O_DIRECTORY", 0)


class FileSystem:
    """The operating system's own files, clock and process."""

    # Open files

    def open_excl(self, path: str) -> int:
        """Create a file that does not exist yet and open it for writing."""
        return os.open(path, _CREATE, 0o666)

    def open_read(self, path: str) -> int:
        """Open a file for reading. On NFS this asks the server for the attributes of a file that is there.

        A pipe that somebody has put there is not waited for.
        """
        try:
            return os.open(path, _READ | _NO_WAIT)
        except BlockingIOError:  # a file server on this machine has promised the file to somebody, and asks for it back
            return os.open(path, _READ)

    def open_change(self, path: str) -> int:
        """Open a file that is there for reading it and writing into it, unless it is a symbolic link.

        What it is then is to be looked at: see :func:`open_own`.
        """
        return os.open(path, _CHANGE)

    def open_dir(self, path: str, follow: bool = True) -> int:
        """Open a directory, to sync it or, on NFS, to have its attributes and cached names checked with the server.

        Without `follow`, a symbolic link is an error.
        """
        return os.open(path, _DIRECTORY if follow else _DIRECTORY | _NO_LINK)

    def read(self, fd: int, size: int) -> bytes:
        """At most `size` bytes; none at the end of the file."""
        return os.read(fd, size)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write, and return how many bytes were taken."""
        return os.write(fd, data)

    def pwrite(self, fd: int, data: bytes, at: int) -> int:
        """Write at some place of the file, and return how many bytes were taken."""
        return os.pwrite(fd, data, at)

    def pread(self, fd: int, size: int, at: int) -> bytes:
        """At most `size` bytes from some place of the file; none behind its end."""
        return os.pread(fd, size, at)

    def stream(self, fd: int) -> BinaryIO:
        """The file `fd`, from its beginning, as a readable binary stream, which closes it."""
        os.lseek(fd, 0, os.SEEK_SET)
        return os.fdopen(fd, "rb")

    def fstat(self, fd: int) -> os.stat_result:
        """The attributes of an open file."""
        return os.fstat(fd)

    def utime(self, fd: int, seconds: float | None) -> None:
        """Set the times of an open file or directory to `seconds`, or to the file server's present."""
        os.utime(fd, None if seconds is None else (seconds, seconds))

    def fsync(self, fd: int) -> None:
        """Wait until the file, or the names in the directory, would survive a power cut."""
        os.fsync(fd)

    def write_back(self, fd: int, at: int, size: int) -> None:
        """Have what was written there go to the disk, and do not wait for it; where this cannot be had, do nothing."""
        if hasattr(os, "posix_fadvise"):
            try:
                os.posix_fadvise(fd, at, size, os.POSIX_FADV_DONTNEED)  # on Linux; what is not on disk yet is kept
            except OSError:
                pass

    def close(self, fd: int) -> None:
        """Close; on NFS this is where the server's refusal of earlier writes may show."""
        os.close(fd)

    # Names

    def stat(self, path: str) -> os.stat_result:
        """The attributes of a file, on NFS perhaps those of some seconds ago."""
        return os.stat(path)

    def is_link(self, path: str) -> bool:
        """Whether the name itself is a symbolic link; False if there is no such name."""
        return os.path.islink(path)

    def listdir(self, path: str) -> list[str]:
        """The names in a directory."""
        return os.listdir(path)

    def links(self, path: str) -> dict[str, bool]:
        """The names in a directory, and whether each is a symbolic link, mostly without a look at the files."""
        with os.scandir(path) as entries:
            return {entry.name: entry.is_symlink() for entry in entries}

    def inodes(self, path: str) -> dict[str, int]:
        """The names in a directory, and the number of the file that each is a name of, without a look at the files."""
        with os.scandir(path) as entries:
            return {entry.name: entry.inode() for entry in entries}

    def link(self, source: str, target: str) -> None:
        """Give a file another name, which must be free."""
        os.link(source, target)

    def rename(self, source: str, target: str) -> None:
        """Move a name, in one step, over what may be there."""
        os.replace(source, target)

    def unlink(self, path: str) -> None:
        """Remove a name of a file."""
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        """Make one directory."""
        os.mkdir(path)

    def rmdir(self, path: str) -> None:
        """Remove a directory, which must be empty."""
        os.rmdir(path)

    def abspath(self, path: str | os.PathLike[str]) -> str:
        """The path from the root, so that a later change of directory does not matter."""
        return os.path.abspath(path)

    # Time and self

    def now(self) -> float:
        """Seconds since the epoch by this machine's clock, which no other machine's agrees with."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    def elapsed(self) -> float:
        """Seconds since some moment, also those that the machine slept through."""
        return proc.awake_or_not()

    def stamp_now(self) -> int:
        """The oldest time stamp that a change of a file of this machine may get from now on; 0 if that is not known."""
        return proc.stamp_now()

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(seconds)

    def ear(self) -> Ear | Deaf:
        """Something that sleeps until a signal comes that is to end this process."""
        return Ear()

    def pid(self) -> int:
        """The number of this process (asked each time: it is another one after a fork)."""
        return os.getpid()

    def process(self, pid: int) -> tuple[str, bool] | None:
        """When a process of this machine began, and whether it is stopped; None if there is none of this number."""
        return proc.process(pid)

    def host(self) -> str:
        """The name of this machine."""
        return os.uname().nodename

    def boot(self) -> str:
        """A word for the time since this machine was started, which no other machine has."""
        return proc.boot()

    def machine(self) -> str:
        """A word for this machine, which it has after its next start, too."""
        return proc.machine()

    def namespace(self) -> str:
        """A word for the processes among which a number is always the same process."""
        return proc.namespace()

    def user(self) -> str:
        """Who this process works for."""
        return proc.user()

    def kind(self, path: str) -> str:
        """What kind of file system is there, by the system's name for it; empty if that is not known."""
        return proc.kind_of_mount(path)

    def token(self) -> str:
        """A word that nobody else has, on any machine."""
        return os.urandom(8).hex()


def open_own(fs: FileSystem, path: str, is_own: Callable[[int, os.stat_result], bool]) -> int:
    """Open the file `path` for changing it: the only way in which a file that has its name already is changed.

    Peers who can write to the directory may have put something else in its place. So a symbolic link is not followed,
    a pipe is not waited for, and `is_own`, which gets the open file and its attributes, says whether it is ours.
    """
    fd = fs.open_change(path)
    try:
        found = fs.fstat(fd)
        if not (stat.S_ISREG(found.st_mode) and is_own(fd, found)):
            raise PermissionError(errno.EPERM, "It is not the file that was made", path)
    except BaseException:
        fs.close(fd)
        raise
    return fd


def set_time(fs: FileSystem, path: str, seconds: float | None) -> None:
    """Set the times of a file that we have just made, and that so has no other name."""
    fd = open_own(fs, path, lambda _, found: found.st_nlink <= 1)
    try:
        fs.utime(fd, seconds)
    finally:
        fs.close(fd)


def touch_directory(fs: FileSystem, path: str, follow: bool = False) -> None:
    """Have the time stamp of a directory move on."""
    fd = fs.open_dir(path, follow)
    try:
        fs.utime(fd, None)
    finally:
        fs.close(fd)


def write_all(fs: FileSystem, fd: int, data: bytes | memoryview) -> None:
    """Write `data` to its end."""
    done = fs.write(fd, data)
    if done < len(data):
        rest = memoryview(data)[done:]
        while rest:
            rest = rest[fs.write(fd, rest) :]


def read_all(fs: FileSystem, fd: int, head: bytes = b"") -> bytes:
    """What is left in an open file, after `head`, which was read before."""
    pieces = [head]
    size = 1 << 16
    while piece := fs.read(fd, size):
        pieces.append(piece)
        size = min(2 * size, 1 << 24)
    return b"".join(pieces)


def sync_directory(fs: FileSystem, path: str) -> None:
    """Make the names in the directory `path` durable, as far as its file system can do that."""
    fd = fs.open_dir(path)
    try:
        fs.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        fs.close(fd)


def fsync_dir(fname: str) -> None:
    """Make the name `fname` durable: waits until the directory that it is in is on disk."""
    sync_directory(FileSystem(), fname.rpartition("/")[0] or ".")


def look(fs: FileSystem, path: str) -> os.stat_result | None:
    """The attributes of the file `path` as the file server has them now, or None if there is no such file."""
    try:
        fd = fs.open_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return fs.stat(path)  # another user's file: it is there, whatever it holds
    try:
        return fs.fstat(fd)
    finally:
        fs.close(fd)
