"""A small database file that may be lost at any time: rows of bytes by key, the newest few of them.

The file is never changed: readers open it as it is, without locks (which on network disks can hang), and writers put
a changed copy in its place. So it is whole whenever a process is killed; of two that write at once, one wins.
A file that is no such database is not written over: what is damaged is put aside, what is somebody else's is refused.
"""

from __future__ import annotations

import os
from contextlib import closing
from hashlib import blake2b

from jug.errors import JugError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

_TABLE = "jug_graphs_2"
# Those of jug 2.7 (whose cache has the same name by default), and one of ours from before.
_KNOWN_TABLES = frozenset([_TABLE, "graphs_1", "ht", "dep"])
_MAGIC = b"SQLite format 3\0"  # what such a file begins with; most damage leaves that as it is
_COLUMNS = 5
_MOST_ROWS = 8
_ABANDONED = 3600.0


class CacheFileError(JugError):
    """The cache file cannot be used."""


class CacheFile:
    """The file `path`; `known_name` says that any file of this name is a cache, whatever it contains.

    A link of this name may lead anywhere: then it is the name of the file itself that counts.
    """

    def __init__(self, path: str, known_name: str = "") -> None:
        self._path = os.path.realpath(path)
        self._shown = path
        self._is_known = os.path.basename(self._path) == known_name

    def clear(self) -> None:
        """Remove the file; CacheFileError if it is no cache."""
        self._check()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise CacheFileError(f"The cache file {self._shown!r} cannot be removed: {error.strerror}") from error

    def read(self, key: str) -> list[bytes] | None:
        """The columns of a row; None if there is no such row, or it is damaged.

        Raises
        ------
        CacheFileError
            The file is something else.
        """
        import sqlite3

        if self._check() != "good":
            return None
        try:
            with closing(_connect(self._path, "mode=ro&immutable=1")) as db:
                columns = ", ".join(f"c{i}" for i in range(_COLUMNS))
                row = db.execute(f"SELECT digest, {columns} FROM {_TABLE} WHERE key = ?", (key,)).fetchone()
        except sqlite3.DatabaseError:  # no such table yet, or damaged
            return None
        return list(row[1:]) if row is not None and row[0] == _digest(row[1:]) else None

    def write(self, key: str, columns: Sequence[bytes]) -> str:
        """Add or replace a row; returns where a damaged file was put, if there was one.

        Raises
        ------
        CacheFileError
            The file cannot be written, or is something else.
        """
        import sqlite3

        aside = self._put_aside() if self._check() == "damaged" and not self._is_known else ""
        temporary = f"{self._path}.{os.urandom(8).hex()}.tmp"
        try:
            self._copy_to(temporary)
            self._add_row(temporary, key, columns)
            os.replace(temporary, self._path)
        except (OSError, sqlite3.Error) as error:
            raise self._failure("written", error) from error
        finally:
            _remove(temporary)
            self._sweep()
        return aside

    # Parts

    def _check(self) -> str:
        """``good``, ``absent`` (or empty), ``damaged``; CacheFileError if it is somebody else's."""
        import sqlite3

        if os.path.exists(self._path) and not os.path.isfile(self._path):
            raise CacheFileError(f"The cache file {self._shown!r} is not a file")
        try:
            if not os.path.exists(self._path) or not os.path.getsize(self._path):
                return "absent"
            with closing(_connect(self._path, "mode=ro&immutable=1")) as db:
                tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.OperationalError as error:  # may not be read, most likely
            raise self._failure("read", error) from error
        except sqlite3.DatabaseError:
            if not (self._is_known or self._was_database()):
                raise self._refusal() from None
            return "damaged"
        except OSError as error:
            raise self._failure("read", error) from error
        if not self._is_known and not tables <= _KNOWN_TABLES:
            raise self._refusal()
        return "good"

    def _was_database(self) -> bool:
        with open(self._path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC

    def _refusal(self) -> CacheFileError:
        return CacheFileError(f"The cache file {self._shown!r} is not a cache of jug status: it is left alone")

    def _failure(self, verb: str, error: Exception) -> CacheFileError:
        reason = getattr(error, "strerror", None) or error
        return CacheFileError(f"The cache file {self._shown!r} cannot be {verb}: {reason}")

    def _copy_to(self, temporary: str) -> None:
        """Begin with what there is, or with nothing."""
        import shutil

        if self._check() == "good":
            shutil.copyfile(self._path, temporary)
        else:
            with open(temporary, "xb"):
                pass

    def _add_row(self, path: str, key: str, columns: Sequence[bytes]) -> None:
        import sqlite3

        try:
            _insert(path, key, columns)
        except sqlite3.DatabaseError:  # the copy is damaged further inside, or has another table of this name
            with open(path, "wb"):
                pass
            _insert(path, key, columns)

    def _put_aside(self) -> str:
        number = 1
        while os.path.exists(aside := f"{self._path}.damaged-{number}"):
            number += 1
        try:
            os.rename(self._path, aside)
        except OSError as error:
            raise self._failure("written", error) from error
        return aside

    def _sweep(self) -> None:
        """Remove what writers that were killed have left."""
        from glob import escape, glob

        for path in glob(escape(self._path) + ".????????????????.tmp"):
            try:
                if os.path.getmtime(path) < os.path.getmtime(self._path) - _ABANDONED:
                    os.unlink(path)
            except OSError:
                pass


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _connect(path: str, how: str) -> Connection:
    import sqlite3
    from urllib.parse import quote

    return sqlite3.connect(f"file:{quote(os.fsencode(path))}?nolock=1&{how}", uri=True)


def _insert(path: str, key: str, columns: Sequence[bytes]) -> None:
    with closing(_connect(path, "mode=rw")) as db:
        # Nobody else sees this copy, and a half-written one is thrown away.
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        with db:
            types = ", ".join(f"c{i} BLOB" for i in range(_COLUMNS))
            db.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (key TEXT PRIMARY KEY, digest BLOB, {types})")
            row = (key, _digest(columns), *columns)
            db.execute(f"REPLACE INTO {_TABLE} VALUES ({', '.join('?' * len(row))})", row)
            newest = f"SELECT rowid FROM {_TABLE} ORDER BY rowid DESC LIMIT {_MOST_ROWS}"
            db.execute(f"DELETE FROM {_TABLE} WHERE rowid NOT IN ({newest})")


def _digest(columns: Sequence[bytes]) -> bytes:
    """Tells that a row is as it was written."""
    digest = blake2b(digest_size=16)
    for column in columns:
        digest.update(b"%d " % len(column))
        digest.update(column)
    return digest.digest()
