"""Results, locks and records under names that are no hashes: an MD5, or a key that somebody has chosen.

In a jugdir, what has the shape of a hash is ours. A file of any other name may be the user's, and is ours only if what
is in it says so: a result has a seal (:mod:`jug.backends.result_bytes.checksum`), a lock says who holds it, a record of
a failure says of which attempt. (A result of another name that an old release wrote says nothing: it is loaded and
replaced by its name, as any other, but never listed, packed or cleaned up.)

To ask every such file takes as long as to open it. So whoever knows the names that he looks for, as the engine does,
takes :meth:`OtherNames.possible`, which is what a question for each of these names would be answered by; what is
removed, packed or shown to people is of :meth:`OtherNames.results`.
"""

from __future__ import annotations

import stat

from jug.backends.result_bytes.checksum import is_seal_of
from jug.backends.result_bytes.seal import PARQUET, SEAL_SIZE

from .names import HEX, LOCK, LOCKS, are_hashes, are_rests_of_hashes, has_place, is_hash
from .owner.liveness import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from jug.backends.system.filesystem import FileSystem

    from .owner.liveness import Mark

_NOT_OF_TASKS = "pack-save"  # the lock over changes of the pack
_SYSTEM = ".nfs"  # what NFS calls a file that was removed while somebody had it open
# What every record of a failure has.
_OF_A_RECORD = {"time", "host", "pid", "attempts"}


def is_record(record: object) -> bool:
    """Whether this, which was read from a file, is the record of a failure."""
    return isinstance(record, dict) and record.keys() >= _OF_A_RECORD


class OtherNames:
    """Of one jugdir. Each file is looked into once, and again when it was replaced."""

    def __init__(self, fs: FileSystem, base: str) -> None:
        self._fs = fs
        self._base = base  # the path of the jugdir, with a slash
        self._seen: dict[str, tuple[Mark, bool]] = {}

    def possible(self, prefix: str, entries: list[str]) -> list[bytes]:
        """The names of what may be results, or of which nothing else is known, in the directory `prefix`."""
        if are_rests_of_hashes(entries) and not prefix.strip(HEX):
            return f"\n{prefix}".join(["", *entries]).encode().split()
        names = [prefix + entry for entry in entries if entry.isascii() and not entry.startswith(_SYSTEM)]
        return [name.encode() for name in names if has_place(name)]

    def results(self, names: list[bytes]) -> list[bytes]:
        """Those of the :meth:`possible` names that are names of results of ours."""
        return names if are_hashes(names) else [name for name in names if self.is_result(name)]

    def is_result(self, name: bytes) -> bool:
        """Whether this, which is the name of a file, is that of a result of ours."""
        return is_hash(name) or self._is_result(f"{self._base}{name[:2].decode()}/{name[2:].decode()}")

    def locks(self, entries: Iterable[str]) -> list[bytes]:
        """The names of the locks of tasks among what is in the directory of locks."""
        names = [entry[: -len(LOCK)] for entry in entries if entry.endswith(LOCK) and entry.isascii()]
        found = [name.encode() for name in names]
        return found if are_hashes(found) else [name for name in found if is_hash(name) or self._is_lock(name.decode())]

    def _is_lock(self, name: str) -> bool:
        if name in ("", _NOT_OF_TASKS):
            return False
        path = f"{self._base}{LOCKS}/{name}{LOCK}"
        if self._attributes(path) is None:
            return False
        found = find(self._fs, path)
        return found is not None and found.holder.pid != 0

    def _is_result(self, path: str) -> bool:
        found = self._attributes(path)
        if found is None:
            return False
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        if self._seen.get(path, (None, False))[0] != mark:
            try:
                self._seen[path] = mark, self._is_sealed(path, found.st_size)
            except (FileNotFoundError, PermissionError):
                return False  # gone; or another user's, who keeps it to himself
        return self._seen[path][1]

    def _attributes(self, path: str) -> os.stat_result | None:
        """The attributes of a file; None if there is none, or something else."""
        try:
            found = self._fs.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found if stat.S_ISREG(found.st_mode) and not self._fs.is_link(path) else None

    def _is_sealed(self, path: str, size: int) -> bool:
        if size < SEAL_SIZE:
            return False
        fd = self._fs.open_read(path)
        try:
            at = size - SEAL_SIZE - self._footer(fd, size)
            return at >= 0 and is_seal_of(self._fs.pread(fd, SEAL_SIZE, at), size)
        finally:
            self._fs.close(fd)

    def _footer(self, fd: int, size: int) -> int:
        """How many bytes follow the seal: those that a parquet file has to end with."""
        end = self._fs.pread(fd, 8, size - 8)
        if end[4:] != PARQUET or self._fs.pread(fd, 4, 0) != PARQUET:
            return 0
        return int.from_bytes(end[:4], "little") + 8
