"""Changing the segments: writing one, merging many, taking results out.

A new file is written before old ones are removed, so at every moment each result is in one of them. Whoever removes a
file, or results, has the lock over changes of the pack (:mod:`jug.backends.file.pack.pack_lock`); to add a file needs
no lock.

Files are merged when there are many of about the same size. So a result is written again once or twice, and there are
some tens of files, and one more for each hundred thousand results.
"""

from __future__ import annotations

from jug.backends.file.names import CORRUPT, PACKS
from jug.backends.file.pack.pack_lock import PackLock
from jug.backends.file.publication import publish
from jug.backends.file.quarantine import place_for
from jug.backends.system.filesystem import read_all, sync_directory
from jug.backends.system.sentences import cannot
from jug.errors import StoreError
from jug.words.config import warn

from .segment_format import HEADER_SIZE, assembled, rank, record
from .segments import SegmentFile, Segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from jug.backends.file.directory import JugDir
    from jug.backends.file.publication import Check

    #: Given a name and a content, returns what is to be there instead; None: nothing.
    _Change = Callable[[bytes, bytes], bytes | None]

#: How many files of a size are merged.
MANY = 16
# Bytes of the largest of each size. Larger ones stay as they are: all that are merged are in memory meanwhile.
_SIZES = (1 << 18, 1 << 21)


class Compaction:
    """Changes of the segments of one jugdir."""

    def __init__(self, jugdir: JugDir, reader: Segments) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self._reader = reader
        self._may_merge = True

    def write(
        self,
        records: Iterable[tuple[bytes, bytes]],
        check: Check,
        patience: float | None = None,
    ) -> bool:
        """Write a file of these records, durably; False if `check`, at the last moment, says that it may not be there.

        Room is waited for as long as `patience` says.
        """
        data, index = assembled(records)
        name = f"g-{self._fs.token()}"
        path = self._dir.path(PACKS, name)
        if not publish(self._dir, (PACKS, path), lambda stream: stream.write(data), check=check, patience=patience):
            return False
        try:
            written = self._fs.stat(path).st_mtime
        except FileNotFoundError:
            return True  # somebody has merged it already
        self._reader.add(SegmentFile(name, index, len(data), written))
        return True

    def merge(self) -> None:
        """Merge files if there are many, and nobody else is about it. What goes wrong is for others to try again."""
        if self._may_merge and len(self._reader.files) >= MANY and self._many():
            try:
                self._merge()
            except (OSError, StoreError):
                self._may_merge = False  # nothing is lost by that, and room is for results

    def _merge(self) -> None:
        lock = PackLock(self._dir)
        if not lock.try_once():
            return
        try:
            self._reader.refresh()
            files = self._many()
            if files:
                self._rewrite(files, lock, patience=0.0)
        finally:
            lock.release()

    def remove(self, names: Collection[bytes], lock: PackLock) -> set[bytes]:
        """Take results out, durably; returns those that there were. Whoever calls this has the lock."""
        gone = {name for name in names if name in self._reader}
        files = {self._reader.file_of(name) for name in gone}
        # Of a result that is in two files, all are to go.
        files.update(file for file in self._reader.files.values() if not gone.isdisjoint(file.names))
        if files:
            self._rewrite(files, lock, lambda name, content: None if name in gone else content)
        return gone

    def change(self, change: _Change, lock: PackLock) -> None:
        """Put another file in the place of all: `change` is given names and contents, and returns these, others or None
        for what is to be left out."""
        if self._reader.files:
            self._rewrite(self._reader.files.values(), lock, change)

    def repair(self, lock: PackLock) -> None:
        """Put others in the place of damaged files, with what is whole of these, which are kept aside."""
        damaged = [file for file in self._reader.files.values() if not file.is_whole]
        for file in damaged:
            place = place_for(self._dir, file.name)
            self._fs.link(self._dir.path(PACKS, file.name), place)
            warn(f"The damaged file {self._dir.path(PACKS, file.name)} was moved to {place}")
        if damaged:
            sync_directory(self._fs, self._dir.path(CORRUPT))
            self._rewrite(damaged, lock)

    @property
    def is_damaged(self) -> bool:
        """Whether a file is there that :meth:`repair` would replace."""
        return any(not file.is_whole for file in self._reader.files.values())

    def _many(self) -> list[SegmentFile]:
        """Files of one size, if there are many; else none."""
        files = [file for file in self._reader.files.values() if file.is_whole]
        smallest = 0
        for largest in _SIZES:
            found = [file for file in files if smallest < file.size <= largest]
            if len(found) >= MANY:
                return found
            smallest = largest
        return []

    def _rewrite(
        self,
        files: Collection[SegmentFile],
        lock: PackLock,
        change: _Change | None = None,
        patience: float | None = None,
    ) -> None:
        files = list(files)
        records = self._records(files, lock, change)
        if records:
            self.write(records.items(), lock.check, patience)
        lock.check()
        for file in files:
            path = self._dir.path(PACKS, file.name)
            with cannot("remove", path):
                self._dir.unlink(path)
        sync_directory(self._fs, self._dir.path(PACKS))
        self._reader.refresh()

    def _records(self, files: Iterable[SegmentFile], lock: PackLock, change: _Change | None) -> dict[bytes, bytes]:
        records: dict[bytes, bytes] = {}
        for file in files:
            lock.beat()
            data = self._data(file)
            for name, at, size in file.index:
                piece = data[at - HEADER_SIZE : at + size]
                if name not in records or rank(piece) < rank(records[name]):
                    records[name] = piece
        for name in list(records) if change is not None else ():
            assert change is not None
            lock.beat()
            changed = change(name, records[name][HEADER_SIZE:])
            if changed is None:
                del records[name]
            else:
                records[name] = record(name, changed)
        return records

    def _data(self, file: SegmentFile) -> bytes:
        path = self._dir.path(PACKS, file.name)
        with cannot("read", path):
            fd = self._fs.open_read(path)
            try:
                return read_all(self._fs, fd)
            finally:
                self._fs.close(fd)
