"""Whether there is a result: as a file of its own, in a segment, or in the pack, between which it may move."""

from __future__ import annotations

from jug.backends.system.sentences import cannot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from jug.backends.file.directory import JugDir
    from jug.backends.file.pack.pack import Packs

_TRIES = 2


class Lookup:
    """Of the results in one jugdir."""

    def __init__(self, jugdir: JugDir, packs: Packs) -> None:
        self._dir = jugdir
        self._packs = packs

    def has(self, name: bytes) -> bool:
        """Whether there is a result at this moment."""
        before = self._packs.state()
        if self.is_loose(name) or self._packs.holds(name):
            return True
        # From a segment, results become files of their own: one may have come out between the last look and this one.
        return self._packs.state() != before and (self.is_loose(name) or self._packs.holds(name))

    def is_loose(self, name: bytes) -> bool:
        """Whether the result is there as a file; that it is not is an answer of the server, and not of a cache."""
        path = self._dir.result(name)
        return self._dir.found(path) is not None or (self.ask_for(name) and self._dir.found(path) is not None)

    def ask_for(self, name: bytes) -> bool:
        """Forget what the machine remembers of names missing where the result would be; False if it cannot be there."""
        if self._dir.ownership.is_coherent:
            return False  # it remembers nothing
        with cannot("read", self._dir.result(name)):
            return self._dir.revalidate() and self._dir.revalidate(name[:2].decode())

    def absent(self, names: Collection[bytes], directories: Collection[str] | None) -> Collection[bytes]:
        """Those of `names` of which there is no result: one look for all of them, where everybody sees all changes.

        `directories` are those in the jugdir, seen after the locks of all were taken; None if that is not known. What
        may be moving at this moment is left out.
        """
        for _ in range(_TRIES):
            before = self._packs.state()
            possible = [name for name in names if directories is None or name[:2].decode() in directories]
            loose = {name for name in possible if self.is_loose(name)}
            absent = [name for name in names if name not in loose]
            if absent:
                packed = self._packs.names()
                absent = [name for name in absent if name not in packed and name not in self._packs.segments]
            if self._packs.state() == before:
                return absent
        return ()
