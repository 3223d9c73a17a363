"""Locks of a file store that die with their holders, wherever these run.

While a lock is held, its file's time stamp is refreshed every minute by a small process of its own, so that a task
that computes for hours without letting Python run loses nothing. A lock that has not been refreshed for half an hour
counts as free. That half an hour is told by the clock of the file server, which also wrote the time stamp, and only
for a lock that did not change while this process was watching it for some minutes: setting a clock robs nobody.
"""

from __future__ import annotations

from .file_lock import file_based_lock, has_failed
from .fsops import look
from .jugdir import TEMPORARY, JugDir, cannot
from .pulse import BEAT, Pulse
from .takeover import Watch, mark_of, take_away

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from .base import Name

#: Seconds without a sign of life after which a lock is free; the same as in Jug 2.7.
EXPIRES = 1800.0
_WATCHED = 3 * BEAT


class Liveness:
    """Which locks of a jugdir have expired, as far as this process can know by now."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self.watch = Watch(jugdir.fs)
        self.turns = Watch(jugdir.fs)
        self._asked = -BEAT
        self._ahead: float | None = None

    def has_expired(self, path: str, found: os.stat_result) -> bool:
        """Whether the holder of the lock `path`, with attributes asked for just now, shows no sign of life."""
        if has_failed(found):
            return False
        unchanged = self.watch.unchanged(path, (found.st_ino, found.st_mtime_ns))
        if unchanged < _WATCHED:
            return False
        if unchanged >= EXPIRES:
            return True
        present = self._server_time()
        return present is not None and present - found.st_mtime >= EXPIRES

    def _server_time(self) -> float | None:
        """The present by the clock that makes the time stamps of files; None if it does not let us write."""
        now = self._fs.monotonic()
        if now - self._asked >= BEAT:
            self._asked, self._ahead = now, None
            try:
                self._ahead = self._stamp() - now
            except OSError:
                pass  # who may only look, or finds the disk full, has to watch for longer
        return None if self._ahead is None else now + self._ahead

    def _stamp(self) -> float:
        """The time stamp of a new file."""
        self._dir.ensure(TEMPORARY)
        path = self._dir.temporary()
        fd = self._fs.open_excl(path)
        try:
            return self._fs.fstat(fd).st_mtime
        finally:
            self._fs.close(fd)
            self._fs.unlink(path)


class file_keepalive_based_lock(file_based_lock):
    """A lock that shows signs of life while it is held; one that does not counts as free."""

    def __init__(self, jugdir: JugDir, name: Name, liveness: Liveness, pulse: Pulse) -> None:
        super().__init__(jugdir, name)
        self._liveness = liveness
        self._pulse = pulse

    def get(self) -> bool:
        if not (super().get() or (self._take_expired() and super().get())):
            return False
        try:
            self._pulse.start(self.fullname)
        except BaseException:
            super().release()
            raise
        return True

    def release(self) -> None:
        # First of all: a sign of life that comes later would be one of the next holder, or would undo a failure.
        self._stop()
        super().release()

    def fail(self) -> bool:
        self._stop()
        return super().fail()

    def is_locked(self) -> bool:
        found = self._look()
        return found is not None and not self._has_expired(found)

    def _stop(self) -> None:
        if self._mark is not None:
            self._pulse.stop(self.fullname)

    def _has_expired(self, found: os.stat_result) -> bool:
        with cannot("look at the lock", self.fullname):
            return self._liveness.has_expired(self.fullname, found)

    def _take_expired(self) -> bool:
        """Remove the lock that is in the way if it has expired; False if it is not for us to do so."""
        with cannot("take over the lock", self.fullname):
            mark = mark_of(self._fs, self.fullname)
            found = None if mark is None else look(self._fs, self.fullname)
            if mark is None or found is None:
                return True
            if (found.st_ino, found.st_mtime_ns) != mark[:2] or not self._has_expired(found):
                return False
            return take_away(self._dir, self.fullname, mark, self._liveness.turns)
