"""What is remembered of tasks that failed: a small JSON file each, ``failures/<hash>`` in the jugdir.

A record says what happened the last time; in the run in which it happened, the task is not tried again. Jug 2.7 takes
these files for results that nobody uses, and removes them in ``jug cleanup``.
"""

from __future__ import annotations

from jug.backends.system.filesystem import read_all
from jug.backends.system.retry import reread
from jug.backends.system.sentences import cannot
from jug.words.plain import plain, plain_line

from .names import FAILURES, is_hash
from .other_names import is_record
from .publication import publish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .directory import JugDir

    _Record = dict[str, Any]
    _Version = tuple[int, int]


_OF_MANY_LINES = "traceback"


class FailureRecords:
    """The records of one jugdir. Each file is read once, and again when it was replaced."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._read: dict[bytes, tuple[_Version, _Record | None]] = {}

    def put(self, name: bytes, record: _Record) -> None:
        """Keep `record` in place of an earlier one."""
        path = self._path(name)
        data = dump_record(record)
        with cannot("write", path):
            # A full disk may be why the task has failed.
            publish(self._dir, (FAILURES, path), lambda stream: stream.write(data), patience=0)

    def get(self, name: bytes) -> _Record | None:
        """The record of the task `name`, or None; that there is none is an answer of the server, and not of a cache."""
        record = reread(lambda: self._get(name))
        if record is not None or self._dir.ownership.is_coherent:
            return record
        with cannot("read", self._dir.path(FAILURES)):
            is_new = self._dir.revalidate() and self._dir.revalidate(FAILURES)
        return reread(lambda: self._get(name)) if is_new else None

    def _get(self, name: bytes) -> _Record | None:
        path = self._path(name)
        with cannot("read", path):
            try:
                found = self._dir.fs.stat(path)
                version = found.st_ino, found.st_mtime_ns
                if name not in self._read or self._read[name][0] != version:
                    self._read[name] = version, self._load(path)
            except OSError as error:
                if not self._dir.is_missing(error):
                    raise
                self._read.pop(name, None)
                return None
        return self._read[name][1]

    def all(self) -> dict[bytes, _Record]:
        """All that can be read, by name."""
        with cannot("list", self._dir.path(FAILURES)):
            names = self._dir.possible_failures()
        records = {name: self._get(name) for name in names}
        self._read = {name: self._read[name] for name in names if name in self._read}
        return {n: record for n, record in records.items() if record is not None and (is_hash(n) or is_record(record))}

    def remove(self, name: bytes) -> bool:
        """Forget the record; True if there was one."""
        path = self._path(name)
        with cannot("remove", path):
            return self._dir.unlink(path)

    def _path(self, name: bytes) -> str:
        return self._dir.path(FAILURES, name.decode("ascii"))

    def _load(self, path: str) -> _Record | None:
        try:
            fd = self._dir.fs.open_read(path)
            try:
                return parse_record(read_all(self._dir.fs, fd))
            finally:
                self._dir.fs.close(fd)
        except (PermissionError, IsADirectoryError):
            return None  # another user's, who keeps it to himself; or something foreign


def dump_record(record: _Record) -> bytes:
    """The record as text that every store can keep."""
    import json

    return json.dumps(record).encode("ascii")


def parse_record(text: bytes) -> _Record | None:
    """The record in `text`, whose words can be shown on a terminal, or None if it is something else."""
    import json

    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    for field, value in record.items():
        if isinstance(value, str):
            record[field] = plain(value) if field == _OF_MANY_LINES else plain_line(value)
    return record
