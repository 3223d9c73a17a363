"""Writing a file so that it is there whole, for good, or not at all."""

from __future__ import annotations

from .filesystem import look, sync_directory, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from types import TracebackType

    from .filesystem import FileSystem


# Of something large, the disk has so many bytes to write while the next ones are made.
_AHEAD = 1 << 23


class atomic_file:
    """``with atomic_file(...) as stream: stream.write(data)``

    Writes to `temporary`, and when the block ends well makes it durable and moves it to `target`. When anything
    fails, the temporary file is removed and nothing has happened. `prepare` is called if a directory turns out to be
    missing, which is found out by trying: asking first would cost a call each time.

    The three steps are in this order for a reason: what `check` looks at is looked at when the temporary file is
    there, so that whoever makes it say no, and then removes the file, knows that it is too late for the last step.
    """

    __slots__ = (
        *("_begun", "_fd", "_fs", "_mark", "_prepare", "_target", "_temporary"),
        *("check", "has_kept", "keeps", "size"),
    )

    def __init__(self, fs: FileSystem, temporary: str, target: str, prepare: Callable[[], None] | None = None) -> None:
        self._fs = fs
        self._temporary = temporary
        self._target = target
        self._prepare = prepare
        self._fd = -1
        self._mark = 0, 0, 0
        self._begun = 0  # of so many bytes the writing to the disk has begun
        #: Asked when all is written, and just before it gets its name: whether it may. If not, nothing has happened.
        self.check: Callable[[], bool] | None = None
        #: Whether what is at the target by then is to be kept; and whether it was, or `check` said no.
        self.keeps = self.has_kept = False
        #: How many bytes were to be written so far.
        self.size = 0

    def __enter__(self) -> atomic_file:
        self._fd = self._prepared(lambda: self._fs.open_excl(self._temporary))
        return self

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data`."""
        self.size += len(data)
        write_all(self._fs, self._fd, data)
        if self.size - self._begun >= _AHEAD:
            self._fs.write_back(self._fd, self._begun, self.size - self._begun)
            self._begun = self.size
        return len(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._commit()
        except BaseException:
            self._abandon()
            raise
        if error is not None:
            self._abandon()

    def _commit(self) -> None:
        self._fs.fsync(self._fd)
        self._mark = _mark_of(self._fs.fstat(self._fd))
        fd, self._fd = self._fd, -1
        self._fs.close(fd)
        if self.check is not None and not self.check():
            self.has_kept = True
            self._abandon()
            return
        self._prepared(self._move)
        sync_directory(self._fs, _parent(self._target))

    def _move(self) -> None:
        """Rename. That there is no such file may be what NFS says when it was done, and the reply was lost."""
        if self.keeps:
            self._link()
            return
        try:
            self._fs.rename(self._temporary, self._target)
        except OSError:
            if not self._is_at_target():
                raise

    def _link(self) -> None:
        """Give it its name unless somebody else has it; that there is one may mean that it was done."""
        try:
            self._fs.link(self._temporary, self._target)
        except FileExistsError:
            self.has_kept = not self._is_at_target()
        except OSError:
            if not self._is_at_target():
                raise
        try:
            self._fs.unlink(self._temporary)
        except FileNotFoundError:
            pass

    def _is_at_target(self) -> bool:
        try:
            sync_directory(self._fs, _parent(self._target))  # drops what NFS remembers of the names in it
            found = look(self._fs, self._target)
        except OSError:
            return False
        # (If somebody has removed ours, another file may have its number by now.)
        return found is not None and _mark_of(found) == self._mark

    def _prepared(self, step: Callable[[], int | None]) -> int:
        try:
            return step() or 0
        except FileNotFoundError:
            if self._prepare is None:
                raise
        self._prepare()
        return step() or 0

    def _abandon(self) -> None:
        """Clear up; what is being raised matters more than what goes wrong here."""
        fd, self._fd = self._fd, -1
        try:
            if fd >= 0:
                self._fs.close(fd)
        except OSError:
            pass
        try:
            self._fs.unlink(self._temporary)
        except OSError:
            pass


def _mark_of(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "."
