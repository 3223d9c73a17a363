"""From small files to entries of a pack, such that at every moment each result is in one of them or in both.

While a pack is made, others store, remove and replace results. A file is removed only after the pack that holds it is
durable, and only if it still is the file that was packed. Looking and then unlinking could hit a newer file, so the
file is set aside under another name first: now nobody can replace it, and it is either dropped or put back. What a
killed process has set aside is dealt with by the next one that changes the pack.
"""

from __future__ import annotations

import zlib

from jug.backends.encode import encode_value
from jug.backends.file.names import TEMPORARY, aside_for, set_aside_as
from jug.backends.file.quarantine import empty_is_none
from jug.backends.result_bytes.checksum import unsealed
from jug.backends.result_bytes.result_file import NPY, check_parts
from jug.backends.result_bytes.seal import PARQUET, SEAL_SIZE
from jug.backends.system.filesystem import read_all, sync_directory
from jug.backends.system.retry import reread
from jug.backends.system.sentences import cannot

from .pack_format import Packed, new_entry, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from jug.backends.file.directory import JugDir
    from jug.backends.result_bytes.signature import Signer

    from .pack_lock import PackLock

#: Results of more bytes, without the checksum and the signature, stay files.
LARGEST = 512
_LARGEST_FILE = LARGEST + 2 * SEAL_SIZE
_LONGEST_NAME = 100  # that can be set aside


class SmallFiles:
    """The small results of `jugdir` that are files, for the holder of `lock`."""

    def __init__(self, jugdir: JugDir, lock: PackLock) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self._lock = lock
        #: Paths of small files that stay: damaged, not ours to read, or of a kind that nothing installed here can read.
        self.unreadable: list[str] = []

    def read(self) -> dict[bytes, Packed]:
        """The entries that can be made of them."""
        entries = {}
        for prefix in self._dir.prefixes():
            for name in self._dir.results(prefix):
                self._lock.beat()
                entry = self._entry(name)
                if entry is not None:
                    entries[name] = entry
        return entries

    def names(self) -> Iterator[bytes]:
        """Those of all results that are files, small or not."""
        for prefix in self._dir.prefixes():
            self._lock.beat()
            yield from self._dir.results(prefix)

    def retire(self, entries: dict[bytes, Packed]) -> set[bytes]:
        """Remove the files, which are now in the pack; returns the names of those that were replaced or removed since
        they were read, whose entries do not count."""
        overtaken = set()
        for name, entry in entries.items():
            self._lock.beat()
            path = self._dir.result(name)
            with cannot("remove", path):
                # Where it is not there, it was removed since, or we did this although the answer got lost.
                self._if_there(self._fs.rename, path, self._aside(name))
                if not self._settle(name, entry):
                    overtaken.add(name)
        self._sync(set(entries))
        return overtaken

    def recover(self, entries: dict[bytes, Any]) -> None:
        """Deal with what a killed process has set aside; `entries` are those of the pack."""
        names = [name for name in map(set_aside_as, self._dir.names(TEMPORARY)) if name is not None]
        for name in names:
            with cannot("put back", self._dir.result(name)):
                self._settle(name, entries.get(name))
        self._sync(set(names))

    def remove(self, names: set[bytes]) -> set[bytes]:
        """Remove these results, durably, whatever their size; returns those that there were."""
        removed = set()
        for name in names:
            self._lock.beat()
            path = self._dir.result(name)
            with cannot("remove", path):
                if self._dir.unlink(path):
                    removed.add(name)
        self._sync(names)
        return removed

    def _entry(self, name: bytes) -> Packed | None:
        """The entry for a file; None if it is to stay where it is."""
        if len(name) > _LONGEST_NAME:
            return None
        path = self._dir.result(name)
        with cannot("read", path):
            try:
                if self._fs.stat(path).st_size > _LARGEST_FILE:
                    return None
                data = _content(self._dir, path)
            except PermissionError:  # another user's
                self.unreadable.append(path)
                return None
            except OSError as error:
                if not self._dir.is_missing(error):
                    raise
                return None
        try:
            if not data and not empty_is_none(self._dir)():
                raise ValueError("it is empty")
            return entry_of(name, data, self._dir.signer(name))
        except Exception:  # noqa: BLE001  (reading an array may raise anything; the file stays, and is named)
            self.unreadable.append(path)
            return None

    def _settle(self, name: bytes, entry: Any) -> bool:
        """Drop the file that was set aside if it is what `entry` was made of, and else put it back."""
        try:
            data = _content(self._dir, self._aside(name))
        except FileNotFoundError:
            return False
        is_packed = type(entry) is Packed and len(data) <= _LARGEST_FILE and _is_source(name, data, entry)
        if not is_packed:
            self._put_back(name)
        self._if_there(self._fs.unlink, self._aside(name))
        return is_packed

    def _put_back(self, name: bytes) -> None:
        self._dir.ensure(name[:2].decode())
        try:
            self._fs.link(self._aside(name), self._dir.result(name))
        except FileExistsError:
            pass  # a newer one
        except OSError:
            # No links on this file system.
            self._if_there(self._fs.rename, self._aside(name), self._dir.result(name))

    def _aside(self, name: bytes) -> str:
        return self._dir.path(TEMPORARY, aside_for(name))

    def _if_there(self, step: Callable[..., object], *arguments: object) -> bool:
        """Do it; False if there is no such file."""
        try:
            step(*arguments)
        except OSError as error:
            if not self._dir.is_missing(error):
                raise
            return False
        return True

    def _sync(self, names: set[bytes]) -> None:
        for prefix in sorted({name[:2].decode() for name in names}):
            self._lock.beat()
            path = self._dir.path(prefix)
            with cannot("change", path):
                self._if_there(sync_directory, self._fs, path)


def entry_of(name: bytes, data: bytes, signer: Signer | None = None) -> Packed | None:
    """The entry for the result `name`, whose file holds `data`, or None if it is to stay a file.

    Raises if that is damaged. Nothing is unpickled. A signed result becomes a signed entry.
    """
    if data.startswith(PARQUET) or len(data) > _LARGEST_FILE:
        return None
    parts = unsealed(data)
    check_parts(parts)
    if signer:
        signer.check(parts)
    content = bytes(parts.content)
    if len(content) > LARGEST:
        return None
    signature = bytes(parts.signature)
    body = _encoded(content)
    if body != content:
        if b"'|O'" in content or (signature and not signer):
            return None  # an array of pickled objects, perhaps; or one that nobody here can sign in its other form
        signature = signer.seal(body) if signer else b""
    return new_entry(name, body, signature)


def _encoded(content: bytes) -> bytes:
    """The encoded form of what is in a file."""
    if content.startswith(NPY):
        return zlib.compress(b"N" + content)
    return content or encode_value(None)


def _is_source(name: bytes, data: bytes, entry: Packed) -> bool:
    try:
        return _encoded(bytes(unsealed(data).content)) == parts_of(name, entry).body
    except ValueError:
        return False  # another one, that came later


def _content(jugdir: JugDir, path: str) -> bytes:
    def attempt() -> bytes:
        fd = jugdir.fs.open_read(path)
        try:
            return read_all(jugdir.fs, fd)
        finally:
            jugdir.fs.close(fd)

    return reread(attempt)
