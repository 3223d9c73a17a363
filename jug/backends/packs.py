"""Many small results in one file: ``packs/jugpack``, one encoded dict of objects by name.

The file is read when something is asked for that is not loose, and again when it was replaced. A damaged pack costs
its own entries: a warning says so, once, and it is never written over. It is changed by one process at a time, and
whoever removes results waits for a process that is packing, which would bring them back otherwise.
"""

from __future__ import annotations

import warnings

from ..errors import DamagedResultError, StoreError
from .fsops import read_all
from .jugdir import PACKFILE, PACKS, cannot
from .packformat import Unreadable, read_pack, unpack, write_pack
from .packing import SmallFiles
from .packlock import PackLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from .jugdir import JugDir

    _Version = tuple[int, int, int]
    _Entries = dict[bytes, Any]

_ABSENT = (0, 0, 0)


class Packing:
    """What came of packing.

    Attributes
    ----------
    packed : int
        How many results were moved into the pack.
    unreadable : list of str
        Small files that stayed, since they are damaged or cannot be read by what is installed here.
    """

    __slots__ = ("packed", "unreadable")

    def __init__(self, packed: int, unreadable: list[str]) -> None:
        self.packed = packed
        self.unreadable = unreadable


class Packs:
    """The packed results of one jugdir."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._path = jugdir.path(PACKS, PACKFILE)
        self._version: _Version | None = _ABSENT
        self._damaged = False
        self._entries: _Entries = {}
        self._names: frozenset[bytes] = frozenset()

    def names(self) -> frozenset[bytes]:
        """The names of all packed results: the same object as last time if the pack is the same."""
        self._refresh()
        return self._names

    def load(self, name: bytes) -> Any:
        """The packed object; ``KeyError`` if there is none."""
        self._refresh()
        entry = self._entries[name]
        if type(entry) is Unreadable:  # what it lacked may have been imported since
            self._version = None
            self._refresh()
            entry = self._entries[name]
        try:
            return unpack(entry)
        except (ValueError, KeyError) as error:
            raise DamagedResultError(f"The result {name.decode()} in {self._path} is damaged: {error}") from error

    def remove(self, names: Collection[bytes]) -> set[bytes]:
        """Take results, whose files have just been removed, out of the pack; returns those that there were.

        Who packs has the lock before it reads the files. If nobody has it now, all that was read by then is in the
        pack now, and nothing that is read later can be any of `names`.
        """
        lock = PackLock(self._dir)
        if not lock.is_held() and self.names().isdisjoint(names):
            return set()
        with cannot("change", self._path), lock:
            files, entries = self._begin(lock)
            removed = files.remove(set(names))
            gone = entries.keys() & set(names)
            if gone:
                self._write(lock, {name: entry for name, entry in entries.items() if name not in gone})
        return removed | gone

    def pack(self) -> Packing:
        """Move small results into the pack."""
        with cannot("change", self._path), PackLock(self._dir) as lock:
            files, entries = self._begin(lock)
            fresh = files.read()
            overtaken: set[bytes] = set()
            if fresh:
                # A file is newer than what the pack has under its name.
                entries = {**entries, **fresh}
                self._write(lock, entries)
                overtaken = files.retire(fresh)
            if overtaken:
                self._write(lock, {name: entry for name, entry in entries.items() if name not in overtaken})
        return Packing(len(fresh) - len(overtaken), files.unreadable)

    def _begin(self, lock: PackLock) -> tuple[SmallFiles, _Entries]:
        """What was the case when we got the lock."""
        self._version = None  # read it again, whatever it looks like
        self._refresh()
        files = SmallFiles(self._dir, lock)
        files.recover(self._entries)
        return files, self._entries

    def _write(self, lock: PackLock, entries: _Entries) -> None:
        if self._damaged:
            raise StoreError(f"Cannot change {self._path}: it is damaged")
        try:
            data = write_pack(entries)
        except StoreError as error:
            raise StoreError(f"Cannot change {self._path}: {error}") from None
        with self._dir.publish(PACKS, self._path) as stream:
            stream.write(data)
            lock.check()

    def _refresh(self) -> None:
        with cannot("read", self._path):
            try:
                fd = self._dir.fs.open_read(self._path)
            except OSError as error:
                if not self._dir.is_missing(error):
                    raise
                self._take(_ABSENT, {})
                return
            try:
                self._read(fd)
            finally:
                self._dir.fs.close(fd)

    def _read(self, fd: int) -> None:
        found = self._dir.fs.fstat(fd)
        version = found.st_ino, found.st_mtime_ns, found.st_size
        if version == self._version:
            return
        data = read_all(self._dir.fs, fd)
        try:
            entries = read_pack(data)
        except Exception as error:  # noqa: BLE001  (unpickling may raise anything; loose results do not depend on it)
            self._take(version, {}, damaged=True)
            message = f"Ignoring the packed results in {self._path}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        else:
            self._take(version, entries)

    def _take(self, version: _Version, entries: _Entries, damaged: bool = False) -> None:
        if version != self._version:
            names = frozenset(entries)
            self._version, self._entries, self._damaged = version, entries, damaged
            self._names = self._names if names == self._names else names
