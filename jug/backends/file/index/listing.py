"""Which results a jugdir holds, looked at again and again at the price of what changed.

Files that are named like a result, with a name that is no hash, count as results here: they are what a worker finds who
looks for such a name. Which of them are jug's is another question (:mod:`jug.backends.file.other_names`).

A directory is listed again unless it certainly has not changed since it was listed. That its modification time is the
same proves it only if that time was well past already when it was listed: time stamps are coarse, and what happens
later within the same step leaves no trace. "Well past" is measured against the newest time stamp anywhere in the
jugdir, so only times of the file server are compared with each other, never with a clock of this machine.
"""

from __future__ import annotations

from itertools import chain

from jug.backends.file.names import LOCKS, TEMPORARY, are_hashes
from jug.backends.listing import Listing
from jug.backends.system.sentences import cannot

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from jug.backends.file.directory import JugDir
    from jug.backends.file.pack.pack import Packs
    from jug.backends.file.segments.segments import SegmentFile

_SETTLED_NS = 3_000_000_000


class _Directory:
    """What was seen in one directory, and when it had last changed by then; a sure one need not be listed again."""

    __slots__ = ("names", "stamp", "sure")

    def __init__(self, names: frozenset[bytes], stamp: tuple[int, int], sure: bool) -> None:
        self.names = names
        self.stamp = stamp
        self.sure = sure


_NOTHING = _Directory(frozenset(), (0, 0), False)


class file_listing(Listing):
    """The results, loose and packed, in `jugdir`."""

    def __init__(self, jugdir: JugDir, packs: Packs) -> None:
        self._dir = jugdir
        self._packs = packs
        self._newest = 0
        self._root = _NOTHING
        self._seen: dict[bytes, _Directory] = {}
        self._packed: frozenset[bytes] = frozenset()
        self._reader: dict[str, SegmentFile] = {}

    def refresh(self) -> tuple[set[bytes], set[bytes]]:
        # In the order in which results are moved: whoever looks the other way round may miss one.
        self._packs.segments.refresh()
        gained, lost = self._compare_groups()
        with cannot("list", self._dir.root):
            seen = self._look()
        packed = self._packs.names()
        appeared, vanished = self._compare(seen, packed)
        self._seen, self._packed = seen, packed
        segmented = self._packs.segments
        vanished = {name for name in vanished | lost if not self.holds(name) and name not in segmented}
        gained |= appeared
        return gained, vanished

    def knows(self, name: bytes) -> bool:
        return name in self._packs.segments

    def ours(self) -> list[bytes]:
        """Look for the first time: the names of all results, without those of files that are not jug's."""
        names = [*self.refresh()[0]]
        if are_hashes(names):
            return names
        segmented = self._packs.segments
        return [n for n in names if n in self._packed or n in segmented or self._dir.is_result(n)]

    def holds(self, name: bytes) -> bool:
        """Whether there was a result `name` at the last look."""
        return name in self._packed or _is_loose(name, self._seen) or name in self._packs.segments

    def _compare_groups(self) -> tuple[set[bytes], set[bytes]]:
        """The names in segments that are new since the last look, and in those that are gone."""
        files = self._packs.segments.reader.files
        new = [file for name, file in files.items() if name not in self._reader]
        old = [file for name, file in self._reader.items() if name not in files]
        self._reader = dict(files)
        gained = set(chain.from_iterable(file.names for file in new))
        if not old:
            return gained, set()
        lost = set(chain.from_iterable(file.names for file in old))
        return gained - lost, lost - gained

    def _look(self) -> dict[bytes, _Directory]:
        prefixes = self._prefixes()
        # All times first: what is newest decides which of them can be trusted.
        stamps = {prefix: self._stamp(prefix.decode()) for prefix in sorted(prefixes)}
        self._stamp(LOCKS)
        self._stamp(TEMPORARY)
        return {prefix: self._relist(prefix, stamp) for prefix, stamp in stamps.items() if stamp is not None}

    def _prefixes(self) -> frozenset[bytes]:
        stamp = self._stamp("")
        if stamp is None:
            self._root = _NOTHING
        elif not (self._root.sure and self._root.stamp == stamp):
            names = frozenset(prefix.encode() for prefix in self._dir.prefixes())
            self._root = _Directory(names, stamp, self._is_settled(stamp))
        return self._root.names

    def _relist(self, prefix: bytes, stamp: tuple[int, int]) -> _Directory:
        known = self._seen.get(prefix, _NOTHING)
        if known.sure and known.stamp == stamp:
            return known
        names = frozenset(self._dir.possible_results(prefix.decode()))
        if names == known.names:
            names = known.names  # the same object: nothing to compare later
        return _Directory(names, stamp, self._is_settled(stamp))

    def _stamp(self, directory: str) -> tuple[int, int] | None:
        """Inode and time of the last change, asked from the server; None if there is no such directory."""
        found = self._attributes(directory)
        if found is None:
            return None
        self._newest = max(self._newest, found.st_mtime_ns)
        return found.st_ino, found.st_mtime_ns

    def _attributes(self, directory: str) -> os.stat_result | None:
        fs = self._dir.fs
        try:
            fd = self._dir.open(directory)
        except OSError as error:
            if not self._dir.is_missing(error):
                raise
            return None
        try:
            return fs.fstat(fd)
        finally:
            fs.close(fd)

    def _is_settled(self, stamp: tuple[int, int]) -> bool:
        return self._newest - stamp[1] >= _SETTLED_NS

    def _compare(self, seen: dict[bytes, _Directory], packed: frozenset[bytes]) -> tuple[set[bytes], set[bytes]]:
        appeared: set[bytes] = set()
        vanished: set[bytes] = set()
        for prefix in seen.keys() | self._seen.keys():
            new, old = seen.get(prefix, _NOTHING).names, self._seen.get(prefix, _NOTHING).names
            if new is not old:
                appeared |= new - old - self._packed
                vanished |= old - new - packed
        if packed is not self._packed:
            appeared |= {name for name in packed - self._packed if not _is_loose(name, self._seen)}
            vanished |= {name for name in self._packed - packed if not _is_loose(name, seen)}
        return appeared, vanished


def _is_loose(name: bytes, seen: dict[bytes, _Directory]) -> bool:
    return name in seen.get(name[:2], _NOTHING).names
