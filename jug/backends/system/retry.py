"""Errors that pass: what is asked again, and how long somebody who has something to store waits for room.

A file system over a network says EIO or ESTALE now and then and means "ask again". Calls that may be made twice are
made again by :class:`Retrying`. Writing a file is more than one call, and a failed one leaves it in an unknown state:
:func:`persist` writes another one. As long as it tries, the value is in memory, and nothing is lost.
"""

from __future__ import annotations

import errno

from jug.errors import NoRoomError, StoreError
from jug.words.config import warn
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _T = TypeVar("_T")

    from .filesystem import FileSystem

PASSING = frozenset(
    [errno.EIO, errno.EINTR, errno.EAGAIN, errno.EBUSY]
    + [getattr(errno, name) for name in ("ESTALE", "ETIMEDOUT") if hasattr(errno, name)]
)
FULL = frozenset([errno.ENOSPC] + [getattr(errno, name) for name in ("EDQUOT",) if hasattr(errno, name)])
PAUSES = (0.05, 0.2, 0.8, 1.6)  # seconds between the attempts
ROOM_PATIENCE = 600.0  # seconds
_LONGEST_PAUSE = 60.0


class Retrying:
    """The calls of `fs`, of which those that may be made twice are made again when they fail for a passing reason."""

    def __init__(self, fs: FileSystem) -> None:
        self._plain = fs
        self._written: set[int] = set()  # open files
        #: For how many seconds room is waited for.
        self.patience = ROOM_PATIENCE

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    # Called for each task: not by way of __getattr__, which takes longer.

    def link(self, source: str, target: str) -> None:
        """Once only: a lost reply is for the caller to find out."""
        self._plain.link(source, target)

    def pid(self) -> int:
        return self._plain.pid()

    def now(self) -> float:
        return self._plain.now()

    def monotonic(self) -> float:
        return self._plain.monotonic()

    def elapsed(self) -> float:
        return self._plain.elapsed()

    # Not made again, or in a way of their own.

    def open_excl(self, path: str) -> int:
        """Create a file, which is to be written."""
        fd = self._plain.open_excl(path)
        self._written.add(fd)
        return fd

    def close(self, fd: int) -> None:
        """Close; what goes wrong then is of importance only where something was written."""
        is_written = fd in self._written
        self._written.discard(fd)
        try:
            self._plain.close(fd)
        except OSError:
            if is_written:
                raise

    def unlink(self, path: str) -> None:
        """Remove a name of a file; that it is gone when this is asked for again means that it was done."""
        try:
            return self._plain.unlink(path)
        except OSError as error:
            if error.errno not in PASSING:
                raise
        try:
            _again(self._plain, "unlink", path)
        except FileNotFoundError:
            pass
        return None


def _persistent(name: str) -> Any:
    def method(self: Retrying, *args: Any) -> Any:
        try:
            return getattr(self._plain, name)(*args)
        except OSError as error:
            if error.errno not in PASSING:
                raise
        return _again(self._plain, name, *args)

    return method


for _name in (
    "open_read",
    "open_dir",
    "open_change",
    "read",
    "pread",
    "fstat",
    "stat",
    "listdir",
    "links",
    "inodes",
    "mkdir",
    "utime",
):
    setattr(Retrying, _name, _persistent(_name))


def _again(fs: FileSystem, name: str, *args: Any) -> Any:
    for pause in PAUSES[:-1]:
        fs.sleep(pause)
        try:
            return getattr(fs, name)(*args)
        except OSError as error:
            if error.errno not in PASSING:
                raise
    fs.sleep(PAUSES[-1])
    return getattr(fs, name)(*args)


def reread(attempt: Callable[[], _T]) -> _T:
    """Call `attempt`, which opens a file and reads it; again if another machine has removed or replaced the file.

    With NFSv3 such a file is gone at once, whoever has it open, and to read it once more would not help.
    """
    for _ in PAUSES:
        try:
            return attempt()
        except (OSError, StoreError) as error:
            if not _is_stale(error):
                raise
    return attempt()


def _is_stale(error: BaseException | None) -> bool:
    """Whether it says, or was made of one that says, that the file is no more."""
    if isinstance(error, StoreError):
        error = error.__cause__
    return isinstance(error, OSError) and error.errno == getattr(errno, "ESTALE", None)


def persist(
    fs: FileSystem,
    path: str,
    attempt: Callable[[], _T],
    size: Callable[[], int] | None = None,
    patience: float | None = None,
) -> _T:
    """Call `attempt`, which is to write the file `path`, until it succeeds; returns what it returns.

    Raises
    ------
    OSError
        It fails for a reason that does not pass, or for one that should have.
    NoRoomError
        There was no room for `patience` seconds (by default, those of `fs`). `size` says how much it was.
    StoreError
        A signal came while room was waited for.
    """
    try:
        return attempt()  # which nearly always succeeds
    except OSError as first:
        error: OSError | None = first
    pauses = iter(PAUSES)
    room = _Room(fs, path, size, getattr(fs, "patience", ROOM_PATIENCE) if patience is None else patience)
    try:
        while error is not None:
            if error.errno in FULL:
                room.wait(error)
                pauses = iter(PAUSES)
            elif error.errno not in PASSING or (pause := next(pauses, None)) is None:
                raise error
            else:
                fs.sleep(pause)
            error = room.tried(attempt)
        result: _T = room.done
        return result
    finally:
        room.close()


class _Room:
    """Waiting for room, and telling the user of it once."""

    def __init__(self, fs: FileSystem, path: str, size: Callable[[], int] | None, patience: float) -> None:
        self._fs = fs
        self._path = path
        self._size = size
        self._patience = patience
        self.done: Any = None
        self._ear: Any = None
        self._start = 0.0
        self._pause = 1.0

    def tried(self, attempt: Callable[[], Any]) -> OSError | None:
        """Make an attempt; returns why it failed. What it returned is `done`."""
        try:
            self.done = attempt()
        except OSError as error:
            return error
        self.found()
        return None

    def wait(self, error: OSError) -> None:
        """Pause before the next attempt; NoRoomError if there is no patience left, StoreError if a signal came."""
        trouble = f"Cannot write {self._path}: {error.strerror}"
        if self._ear is None and self._patience:
            self._ear = self._fs.ear()
            self._start = self._fs.monotonic()
            warn(f"{trouble}; waiting for room for {self._patience:g} s")
        waited = self._fs.monotonic() - self._start if self._patience else 0.0
        if waited >= self._patience:
            raise NoRoomError(f"{trouble} (waited for {waited:.0f} s){self._loss()}") from error
        if self._ear.listen(min(self._pause, self._patience - waited)) is not None:
            raise StoreError(f"{trouble}; no longer waiting for room, because of a signal{self._loss()}") from error
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def found(self) -> None:
        if self._ear is not None:
            warn(f"There is room for {self._path} after {self._fs.monotonic() - self._start:.1f} s")

    def close(self) -> None:
        if self._ear is not None:
            self._ear.close()

    def _loss(self) -> str:
        return f"; what was to be stored is lost ({number_of(self._size(), 'byte')})" if self._size else ""
