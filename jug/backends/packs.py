"""Many small results in one file: ``packs/jugpack``, one encoded dict of objects by name.

The file is read when something is asked for that is not loose, and again when it was replaced. A damaged pack costs
its own entries: a warning says so, once, and it is never written over.
"""

from __future__ import annotations

import pickle
import warnings

from ..errors import StoreError
from .encode import decode, encode
from .file_lock import file_based_lock
from .fsops import read_all
from .jugdir import PACKFILE, PACKS, cannot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import TracebackType
    from typing import Any

    from .jugdir import JugDir

    _Version = tuple[int, int, int]

_PATIENCE = 60.0
_ABSENT = (0, 0, 0)


class Packs:
    """The packed results of one jugdir."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._path = jugdir.path(PACKS, PACKFILE)
        self._version: _Version | None = _ABSENT
        self._damaged = False
        self._objects: dict[bytes, Any] = {}
        self._names: frozenset[bytes] = frozenset()

    def names(self) -> frozenset[bytes]:
        """The names of all packed results: the same object as last time if the pack is the same."""
        self._refresh()
        return self._names

    def load(self, name: bytes) -> Any:
        """The packed object; ``KeyError`` if there is none."""
        self._refresh()
        # A copy: what the caller does to it must not be seen by the next one, or be packed again.
        return pickle.loads(pickle.dumps(self._objects[name], pickle.HIGHEST_PROTOCOL))

    def remove(self, names: Collection[bytes]) -> set[bytes]:
        """Take results out of the pack; returns those that were in it."""
        if self.names().isdisjoint(names):
            return set()
        gone: set[bytes] = set()

        def without(objects: dict[bytes, Any]) -> dict[bytes, Any]:
            gone.update(objects.keys() & set(names))
            return {name: object for name, object in objects.items() if name not in gone}

        self.change(without)
        return gone

    def change(self, update: Callable[[dict[bytes, Any]], dict[bytes, Any]]) -> None:
        """Replace the pack by what `update` makes of it, alone among all processes."""
        with cannot("change", self._path), _alone(self._dir):
            self._version = None  # read it again, whatever it looks like
            self._refresh()
            if self._damaged:
                raise StoreError(f"Cannot change {self._path}: it is damaged")
            data = encode(update(self._objects))
            with self._dir.publish(PACKS, self._path) as stream:
                stream.write(data)

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
            objects = {name: object for name, object in decode(data).items() if isinstance(name, bytes)}
        except Exception as error:  # noqa: BLE001  (unpickling may raise anything; loose results do not depend on it)
            self._take(version, {}, damaged=True)
            message = f"Ignoring the packed results in {self._path}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        else:
            self._take(version, objects)

    def _take(self, version: _Version, objects: dict[bytes, Any], damaged: bool = False) -> None:
        if version != self._version:
            self._version, self._objects, self._damaged = version, objects, damaged
            self._names = frozenset(objects)


class _alone:
    """Holds the one lock over changes of the pack."""

    def __init__(self, jugdir: JugDir) -> None:
        self._fs = jugdir.fs
        self._lock = file_based_lock(jugdir, "pack-save")

    def __enter__(self) -> None:
        deadline = self._fs.monotonic() + _PATIENCE
        while not self._lock.get():
            if self._fs.monotonic() > deadline:
                holder = self._lock.holder().replace("\n", ", ") or "an unknown process"
                raise StoreError(
                    f"Cannot change the packed results: {self._lock.fullname} has been held for {_PATIENCE:.0f} s "
                    f"({holder}); remove this file if that process is gone"
                )
            self._fs.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
