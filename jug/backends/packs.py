"""Many small results in one file: ``packs/jugpack``, one encoded dict of objects by name.

The file is read when something is asked for that is not loose, and again when it was replaced. A damaged pack costs
its own entries: a warning says so, once, and it is never written over. It is changed by one process at a time, and
whoever removes results waits for a process that is packing, which would bring them back otherwise.
"""

from __future__ import annotations

import warnings

from ..errors import DamagedResultError, StoreError
from .encode import decode
from .fsops import read_all
from .jugdir import PACKFILE, PACKS, cannot
from .packformat import packed, read_pack, write_pack
from .packing import SmallFiles
from .packlock import PackLock
from .persistence import reread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from .atomic import atomic_file
    from .jugdir import JugDir

    _Version = tuple[int, int, int]
    _Entries = dict[bytes, Any]

_ABSENT = (0, 0, 0)


class _Contents:
    """What was in the pack when it was `version`."""

    __slots__ = ("damaged", "entries", "names", "version")

    def __init__(self, version: _Version, entries: _Entries, names: frozenset[bytes], damaged: bool = False) -> None:
        self.version = version
        self.entries = entries
        self.names = names
        self.damaged = damaged


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
        self._known = _Contents(_ABSENT, {}, frozenset())

    def names(self) -> frozenset[bytes]:
        """The names of all packed results: the same object as last time if the pack is the same."""
        return self._look().names

    def load(self, name: bytes) -> Any:
        """The packed object; ``KeyError`` if there is none. Each time another one, which the caller may change."""
        entry = self._look().entries[name]
        try:
            return decode(packed(entry))
        except (ValueError, KeyError) as error:
            raise DamagedResultError(f"The result {name.decode()} in {self._path} is damaged: {error}") from error

    def remove(self, names: Collection[bytes]) -> set[bytes]:
        """Take results, whose files have just been removed, out of the pack; returns those that there were.

        Who packs has the lock before it reads the files. If nobody has it now, all that was read by then is in the
        pack now, and nothing that is read later can be any of `names`.
        """
        lock = PackLock(self._dir)
        with cannot("read", self._path):
            self._ask_for_it()
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
        self._ask_for_it()
        entries = self._look(afresh=True).entries
        files = SmallFiles(self._dir, lock)
        files.recover(entries)
        return files, entries

    def _ask_for_it(self) -> None:
        # Whoever does not see the first pack, which another machine has just made, would write his own over it.
        self._dir.revalidate()
        self._dir.revalidate(PACKS)

    def _write(self, lock: PackLock, entries: _Entries) -> None:
        if self._known.damaged:
            raise StoreError(f"Cannot change {self._path}: it is damaged; move it away to go on without what is in it")
        data = write_pack(entries)

        def write(stream: atomic_file) -> None:
            stream.write(data)
            lock.check()

        self._dir.publish(PACKS, self._path, write)

    def _look(self, afresh: bool = False) -> _Contents:
        """The pack as it is now; read again if it is another one, or `afresh`."""
        with cannot("read", self._path):
            self._known = reread(lambda: self._contents(self._known, afresh))
        return self._known

    def _contents(self, known: _Contents, afresh: bool) -> _Contents:
        fd = self._open()
        # NFS remembers that a file was missing; but not in a directory that is not there.
        if fd is None and self._dir.revalidate(PACKS):
            fd = self._open()
        if fd is None:
            return known if known.version == _ABSENT else _Contents(_ABSENT, {}, frozenset())
        try:
            return self._read(fd, known, afresh)
        finally:
            self._dir.fs.close(fd)

    def _open(self) -> int | None:
        try:
            return self._dir.fs.open_read(self._path)
        except OSError as error:
            if not self._dir.is_missing(error):
                raise
        return None

    def _read(self, fd: int, known: _Contents, afresh: bool) -> _Contents:
        attributes = self._dir.fs.fstat(fd)
        version = attributes.st_ino, attributes.st_mtime_ns, attributes.st_size
        if version == known.version and not afresh:
            return known
        data = read_all(self._dir.fs, fd)
        try:
            entries = read_pack(data)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  (damaged in whatever way; loose results do not depend on it)
            if version != known.version:
                message = f"Ignoring the packed results in {self._path}: {error}"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
            return _Contents(version, {}, frozenset(), damaged=True)
        names = frozenset(entries)
        return _Contents(version, entries, known.names if names == known.names else names)
