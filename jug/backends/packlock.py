"""The one lock over changes of the pack, which whoever removes results respects, too."""

from __future__ import annotations

from ..errors import StoreError
from .file_lock import file_based_lock
from .takeover import Watch, is_gone, mark_of, take_away

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from .jugdir import JugDir

PACK_LOCK = "pack-save"
_PATIENCE = 60.0
_BEAT = 5.0


class PackLock:
    """``with PackLock(jugdir) as lock:`` waits for the lock.

    A holder that ended without giving it back is noticed at once if it ran on this machine. Otherwise its lock is
    waited for as long as it is refreshed, which :meth:`beat` does, and a minute more.
    """

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self._lock = file_based_lock(jugdir, PACK_LOCK)
        self._path = self._lock.fullname
        self._last_beat = 0.0

    def is_held(self) -> bool:
        """Whether anybody holds it at this moment."""
        return self._lock.is_locked()

    def beat(self) -> None:
        """Show that we are at work; to be called often, which costs nothing."""
        now = self._fs.monotonic()
        if now - self._last_beat >= _BEAT:
            self._last_beat = now
            self.check()
            self._fs.utime(self._path, None)

    def check(self) -> None:
        """StoreError if the lock was taken from us."""
        if not self._lock.is_ours():
            raise StoreError(f"Cannot change the packed results: the lock {self._path} was removed by somebody else")

    def __enter__(self) -> PackLock:
        watch = Watch(self._fs)
        while not self._lock.get():
            mark = mark_of(self._fs, self._path)
            unchanged = watch.unchanged(self._path, mark)
            if mark and self._is_free(mark[2], unchanged) and take_away(self._dir, self._path, mark, watch):
                continue
            if unchanged > _PATIENCE:
                raise StoreError(self._in_the_way(mark[2] if mark else b""))
            self._fs.sleep(0.05)
        self._last_beat = self._fs.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def _is_free(self, text: bytes, unchanged: float) -> bool:
        # Without a text: whoever made it was killed before the next call, or sleeps there (see check()).
        return is_gone(self._fs, text) or (not text and unchanged > _PATIENCE / 2)

    def _in_the_way(self, text: bytes) -> str:
        holder = text.decode("utf-8", "replace").strip().replace("\n", ", ") or "an unknown process"
        return (
            f"Cannot change the packed results: {self._path} has been held for {_PATIENCE:.0f} s "
            f"({holder}); remove this file if that process is gone"
        )
