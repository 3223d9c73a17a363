"""The one lock over changes of the pack, which whoever removes results respects, too."""

from __future__ import annotations

from jug.backends.file.locks.lock import file_based_lock
from jug.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from jug.backends.file.directory import JugDir
    from jug.backends.file.owner.owner_file import OwnerFile

PACK_LOCK = "pack-save"
_PATIENCE = 60.0
_BEAT = 5.0
_PAUSE = 0.05


class PackLock:
    """``with PackLock(jugdir) as lock:`` waits for the lock.

    It is a lock like any other: one whose holder is gone is taken over. That of a holder who lives is waited for as
    long as it takes; one of which that is not known (an old release on another machine) for a minute.
    """

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self._lock = file_based_lock(jugdir, PACK_LOCK)
        self._last_beat = 0.0

    def is_held(self) -> bool:
        """Whether anybody holds it at this moment."""
        return self._lock.is_locked()

    def try_once(self) -> bool:
        """Take it if it is free; who has it this way gives it back by :meth:`release`."""
        return self._lock.get()

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def beat(self) -> None:
        """See that the lock is ours still; to be called often, which costs nothing."""
        now = self._fs.monotonic()
        if now - self._last_beat >= _BEAT:
            self._last_beat = now
            self.check()

    def check(self, owner: OwnerFile | None = None) -> bool:
        """True; StoreError if the lock was taken from us, or if `owner` is not by which of our files we have it."""
        if not self._lock.is_ours(owner=owner):
            path = self._lock.fullname
            raise StoreError(f"Cannot change the packed results: the lock {path} was taken over by somebody else")
        return True

    def __enter__(self) -> PackLock:
        start = self._fs.monotonic()
        while not self._lock.get():
            details = self._lock.details()
            silent = self._fs.monotonic() - start if details is None else 0.0 if details.worker else details.silent
            if (silent or 0.0) > _PATIENCE:
                raise StoreError(
                    f"Cannot change the packed results: {self._lock.fullname} has been held for {_PATIENCE:.0f} s "
                    f"({self._lock.holder() or 'by an unknown process'}); remove this file if that process is gone"
                )
            self._fs.sleep(_PAUSE)
        self._last_beat = self._fs.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
