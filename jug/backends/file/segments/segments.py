"""Segments, ``packs/g-...``: which results are in them, and reading these.

Such a file never changes. It is there whole, and for good, from its first moment; what is to be changed is written into
another one, and the old one is removed after that. So what is known of a file stays true, and a look at the directory
tells what there is: one call where nothing has changed. That its time stamp is the same says so only if the clock that
it was made by has moved on since; as long as that is not certain, the directory is listed.

Of a result that is in two files, the record counts that :func:`~jug.backends.file.segments.segment_format.rank` says,
whatever they are called, and in whatever order they are listed.
"""

from __future__ import annotations

import stat

from jug.backends.file.names import PACKS, is_segment
from jug.backends.system.retry import reread
from jug.backends.system.turns import one_thread_at_a_time
from jug.words.config import warn

from .adjacent import neighbours, runs
from .segment_format import HEADER_SIZE, pread_all, rank, read_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from jug.backends.file.directory import JugDir

    from .segment_format import Index

    _Stamp = tuple[int, int]

# After so many seconds, any clock that stamps files has moved on.
_SETTLED = 2.5
_TRIES = 100
_NOT_READ = -1, -1  # a stamp that no directory has
_MOST_OPEN = 16
_PLACES = 1 << 32  # results in a file, at most


class SegmentFile:
    """One file.

    Attributes
    ----------
    index : Index
    names : list of bytes
        Of the results in it.
    size : int
    mtime : float
        When it was written, in seconds since the epoch by the file server's clock.
    is_whole : bool
    """

    __slots__ = ("index", "is_whole", "mtime", "name", "names", "size")

    def __init__(self, name: str, index: Index, size: int, mtime: float, is_whole: bool = True) -> None:
        self.name = name
        self.index = index
        self.names = index.names()
        self.size = size
        self.mtime = mtime
        self.is_whole = is_whole


class Segments:
    """The results in the segments of one jugdir, as far as they were there at the last :meth:`refresh`."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self._turn = one_thread_at_a_time(self, "_turn")
        self._files: dict[str, SegmentFile] = {}  # never changed, only replaced: threads may be going through it
        # In which file each result is, by a number of ours, and its number there: `number * _PLACES + place`. There may
        # be a million: numbers take less room than pairs, and nobody looks for garbage among them.
        self._where: dict[bytes, int] = {}
        self._numbered: dict[int, SegmentFile] = {}
        self._doubles: dict[bytes, list[int]] = {}  # all places of what is in more than one file
        self._next = 0
        self._listed: list[str] = []
        #: How often the directory was listed since something may have changed.
        self.looks = 0
        #: How often something had; less than 0 as long as nobody has looked.
        self.changes = -1
        self._stamp: _Stamp | None = None
        self._since = 0.0  # when this stamp was seen first
        self._is_settled = False
        self._open: dict[str, int] = {}
        self._opener = 0  # the process that has opened them

    def __contains__(self, name: bytes) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[bytes]:
        with self._turn:
            return iter(list(self._where))

    def __len__(self) -> int:
        return len(self._where)

    @property
    def files(self) -> Mapping[str, SegmentFile]:
        """By name; the same file is always the same object."""
        return self._files

    def has(self, name: bytes) -> bool:
        """Whether there is such a result at this moment."""
        with self._turn:
            self.refresh()
            return name in self._where

    def lists(self, name: str) -> bool:
        """Whether a file of this name, of whatever kind, was in the directory at the last look."""
        return name in self._listed

    def refresh(self) -> None:
        """Have a look at the directory, unless it is certain that nothing in it has changed."""
        with self._turn:
            stamp = self._stamp_now()
            if self.changes < 0:
                self.changes = 0
            if stamp == self._stamp and (self._is_settled or stamp is None):
                return
            since = self._since if stamp == self._stamp else self._fs.monotonic()
            is_settled = stamp is not None and self._is_past(stamp, since)
            self._stamp, self._is_settled = _NOT_READ, False
            self._list(is_there=stamp is not None)
            self._stamp, self._since, self._is_settled = stamp, since, is_settled
            self.looks += 1

    def read(self, name: bytes) -> bytes:
        """The bytes that the file of the result `name` would hold; ``KeyError`` if it is in no segment."""
        with self._turn:  # another thread might close the file, whose number could be that of another one then
            file, number = self._find(name)
            fd = self._open.get(file.name, -1)
            if fd >= 0 and self._opener == self._fs.pid():
                _, at, size = file.index[number]
                try:
                    data = self._fs.pread(fd, size, at)
                except OSError:
                    data = b""
                if len(data) == size:
                    return data
            return self._read_slowly(name)

    def read_many(self, names: Iterable[bytes]) -> dict[bytes, bytes]:
        """As :meth:`read` for many: those that lie side by side are read at once. What is in no segment is left out."""
        with self._turn:
            return self._read_many(names)

    def _read_many(self, names: Iterable[bytes]) -> dict[bytes, bytes]:
        where = self._where.get
        wanted = {name: place for name in names if (place := where(name)) is not None}
        for name in wanted.keys() & self._doubles.keys():
            wanted[name] = self._place(name)
        found: dict[bytes, bytes] = {}
        for run in runs(sorted(wanted.values())):
            number, first = divmod(run[0], _PLACES)
            file = self._numbered[number]
            entries = file.index.some(first, run[-1] - run[0] + 1)
            is_whole = len(entries) == len(run)  # as for most: they were stored one after the other
            if not is_whole:
                chosen = set(run)
                entries = [entry for place, entry in enumerate(entries, run[0]) if place in chosen]
            for together in [entries] if is_whole else neighbours(entries):
                begin = together[0][1]
                size = together[-1][1] + together[-1][2] - begin
                data = self._read(file, begin, size) or b""
                if len(data) == size:
                    found.update({name: data[at - begin : at - begin + length] for name, at, length in together})
        return found

    def _read_slowly(self, name: bytes) -> bytes:
        for _ in range(_TRIES):
            file, number = self._find(name)
            found = self._read(file, *file.index[number][1:])
            if found is not None:
                return found
            self._stamp = _NOT_READ  # another one took its place
            self.refresh()
        raise KeyError(name)

    def mtime(self, name: bytes) -> float:
        """When the file was written that the result `name` is in."""
        return self.file_of(name).mtime

    def file_of(self, name: bytes) -> SegmentFile:
        """The file that the result `name` is in."""
        with self._turn:
            return self._find(name)[0]

    def add(self, file: SegmentFile) -> None:
        """A file of which we know that it is there, since we have written it."""
        with self._turn:
            self._numbered[self._next] = file
            first = self._next * _PLACES
            self._next += 1
            new = dict(zip(file.names, range(first, first + len(file.names)), strict=True))
            if not new.keys().isdisjoint(self._where.keys()):
                for name in new.keys() & self._where.keys():
                    self._doubles.setdefault(name, [self._where[name]]).append(new[name])
            self._where.update(new)
            self._files = {**self._files, file.name: file}

    # How

    def _find(self, name: bytes) -> tuple[SegmentFile, int]:
        """The file that the result `name` is in, and its number there."""
        number, place = divmod(self._place(name) if self._doubles else self._where[name], _PLACES)
        return self._numbered[number], place

    def _place(self, name: bytes) -> int:
        """Where the result is; of several places, that with the record that counts."""
        found = []
        for place in self._doubles.get(name, ()):
            file = self._numbered[place // _PLACES]
            _, at, size = file.index[place % _PLACES]
            piece = self._read(file, at - HEADER_SIZE, size + HEADER_SIZE)
            if piece is not None and len(piece) == size + HEADER_SIZE:
                found.append((rank(piece), place))
        return min(found)[1] if found else self._where[name]

    def _stamp_now(self) -> _Stamp | None:
        """Inode and time of the last change of the directory, asked from the server."""
        path = self._dir.path(PACKS)
        try:
            found = self._fs.stat(path) if self._dir.ownership.is_coherent else self._stat_afresh()
        except OSError as error:
            if not self._dir.is_missing(error):
                raise
            return None
        return found.st_ino, found.st_mtime_ns

    def _stat_afresh(self) -> os.stat_result:
        self._dir.revalidate()
        fd = self._dir.open(PACKS)
        try:
            return self._fs.fstat(fd)
        finally:
            self._fs.close(fd)

    def _is_past(self, stamp: _Stamp, since: float) -> bool:
        """Whether any change from now on leaves another time stamp."""
        if self._dir.ownership.is_local and stamp[1] % 1_000_000_000:  # it is exact
            return stamp[1] < self._fs.stamp_now()
        return self._fs.monotonic() - since >= _SETTLED

    def _list(self, is_there: bool) -> None:
        """List until what is listed is what is known: files may have come and gone while we did."""
        for _ in range(_TRIES):
            listed = self._dir.names(PACKS) if is_there else []
            names = set(filter(is_segment, listed))
            if listed == self._listed and names == self._files.keys():
                return
            self._listed = listed
            self.changes += 1
            if names == self._files.keys():
                return
            # First those that are new: where one took the place of others, there is no moment without its results.
            for name in sorted(names - self._files.keys()):
                file = reread(lambda name=name: self._opened(name))  # type: ignore[misc]
                if file is not None:
                    self.add(file)
            self._forget(self._files.keys() - names)

    def _opened(self, name: str) -> SegmentFile | None:
        path = self._dir.path(PACKS, name)
        try:
            fd = self._fs.open_read(path)
        except OSError as error:
            if not self._dir.is_missing(error):
                raise
            return None
        try:
            found = self._fs.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                return None  # somebody's directory, or pipe
            index, is_whole = read_index(self._fs, fd, found.st_size)
        finally:
            self._fs.close(fd)
        if not is_whole:
            warn(f"The file of results {path} is damaged; {len(index)} in it can still be read")
        return SegmentFile(name, index, found.st_size, found.st_mtime, is_whole)

    def _forget(self, gone: set[str]) -> None:
        self._files = {name: file for name, file in self._files.items() if name not in gone}
        numbers = {number: file for number, file in self._numbered.items() if file.name in gone}
        for number, file in numbers.items():
            for name in file.names:
                if name in self._doubles:
                    self._forget_one(name, number)
                elif self._where.get(name, -1) // _PLACES == number:
                    del self._where[name]
            self._close(file.name)
        self._numbered = {number: file for number, file in self._numbered.items() if number not in numbers}

    def _forget_one(self, name: bytes, number: int) -> None:
        """One of several places of the result is gone."""
        places = [place for place in self._doubles[name] if place // _PLACES != number]
        self._where[name] = places[0]
        self._doubles[name] = places
        if len(places) == 1:
            del self._doubles[name]

    def _read(self, file: SegmentFile, at: int, size: int) -> bytes | None:
        """So many bytes from this place of the file; None if it is gone."""

        def attempt() -> bytes | None:
            fd = self._descriptor(file.name)
            return None if fd is None else pread_all(self._fs, fd, size, at)

        try:
            return reread(attempt)
        except BaseException:
            self._close(file.name)
            raise

    def _descriptor(self, name: str) -> int | None:
        if self._opener != self._fs.pid():
            self._open, self._opener = {}, self._fs.pid()
        if name not in self._open:
            try:
                fd = self._fs.open_read(self._dir.path(PACKS, name))
            except OSError as error:
                if not self._dir.is_missing(error):
                    raise
                return None
            if len(self._open) >= _MOST_OPEN:
                self._close(next(iter(self._open)))
            self._open[name] = fd
        return self._open[name]

    def close(self) -> None:
        """Close what is open; it is opened again when need be."""
        with self._turn:
            for name in list(self._open):
                self._close(name)

    def _close(self, name: str) -> None:
        fd = self._open.pop(name, -1)
        if fd >= 0 and self._opener == self._fs.pid():
            self._fs.close(fd)
