"""A store in a directory, which is known for good from its first use on.

A relative path is that of the moment when it is first looked for: a jugfile may go to another directory after the store
has been chosen, and as ever, its results are there. What changes the working directory afterwards, as a task may, is of
no concern.
"""

from __future__ import annotations

import os

from jug.backends.file.directory import JugDir
from jug.backends.file.failures import FailureRecords
from jug.backends.file.index.lookup import Lookup
from jug.backends.file.pack.pack import Packs
from jug.backends.file.prefetch.lock_prefetch import LockPrefetch
from jug.backends.file.segments.write_behind import WriteBehind
from jug.backends.file.verify import judged_store
from jug.backends.system.turns import one_thread_at_a_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.backends.result_bytes.signature import Key
    from jug.backends.system.filesystem import FileSystem
    from jug.backends.watchdog.process import StartWatchdog

_PARTS = frozenset(("_dir", "_fs", "_packs", "_presence", "_failures", "_ahead", "_write_behind"))


class settled_store(judged_store):
    """The parts of a store in the directory `jugdir`; `fs` is a simulated file system."""

    _fs: FileSystem
    _presence: Lookup
    _failures: FailureRecords
    _ahead: LockPrefetch
    _write_behind: WriteBehind

    def __init__(
        self, jugdir: str | os.PathLike[str], fs: FileSystem | None, start_watchdog: StartWatchdog | None
    ) -> None:
        self.jugdir = jugdir
        self._given = fs, start_watchdog
        self._turn = one_thread_at_a_time(self, "_turn")
        self._later: tuple[Key, bool] | None = None
        if os.path.isabs(jugdir):
            self.settle()

    def settle(self) -> None:
        """Take the directory for what it is from now on, unless this has been done.

        Raises
        ------
        UsageError
            Its results are signed with another key.
        """
        with self._turn:  # threads may ask for results of a store that nobody has used yet
            if "_dir" in vars(self):
                return
            try:
                self._open()
            except BaseException:
                self._close_again()  # else it would be used without a key
                raise

    def _open(self) -> None:
        self._dir = JugDir(self.jugdir, *self._given)
        self._fs = self._dir.fs
        self._packs = Packs(self._dir)
        self._presence = Lookup(self._dir, self._packs)
        self._failures = FailureRecords(self._dir)
        self._ahead = LockPrefetch(self._dir, self._presence, self._failures)
        self._write_behind = WriteBehind(self._dir, self._packs.segments.compaction)
        if self._later is not None:
            super().use_key(*self._later)

    def _close_again(self) -> None:
        for part in _PARTS:
            vars(self).pop(part, None)

    def use_key(self, key: Key, judging: bool = False) -> None:
        if "_dir" in vars(self):
            super().use_key(key, judging)
        else:
            self._later = key, judging

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _PARTS or "_later" not in vars(self):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.settle()
            return vars(self)[name]
