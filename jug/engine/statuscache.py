"""``jug status --cache``: the graph of a jugfile, kept so that it need not be run again to show its status.

What a jugfile makes depends on its code, on its arguments and on what it is told about results (barriers, compound
tasks). A graph is kept together with all of these: the arguments, the modification time and size of each of the
user's modules that were imported, and every answer of the store while the jugfile ran. It is used again only if all
of them are still the same, so results that are removed, barriers that open and jugfiles that are edited are noticed.
Other files that a jugfile reads are not known, which is why this must be asked for.

The states of the tasks are never kept: they are asked of the store each time.
"""

from __future__ import annotations

import os
import sys
from array import array
from contextlib import closing

from .. import task
from ..errors import JugError
from .graph import Graph
from .jugfile import barrier_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from ..backends.base import base_store
    from .jugfile import Jugfile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS graphs_1
    (key TEXT PRIMARY KEY, facts TEXT, name_of BLOB, hashes BLOB, starts BLOB, edges BLOB)
"""


class StatusCacheError(JugError):
    """The cache file cannot be used."""


class AskedStore:
    """A store that remembers what was asked of it while a jugfile ran.

    Attributes
    ----------
    answers : dict
        By name of a result: whether it was there.
    """

    def __init__(self, store: base_store) -> None:
        self._store = store
        self.answers: dict[bytes, bool] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def can_load(self, name: bytes) -> bool:
        self.answers[name] = answer = self._store.can_load(name)
        return answer

    def load(self, name: bytes) -> Any:
        self.answers[name] = False
        result = self._store.load(name)
        self.answers[name] = True
        return result

    def first_missing(self, names: Collection[bytes]) -> bytes | None:
        missing = self._store.first_missing(names)
        # Whatever else becomes finished, the answer is the same as long as this one is missing.
        self.answers.update(dict.fromkeys(names, True) if missing is None else {missing: False})
        return missing


class CachedTask:
    """What is left of a task in the cache: enough to show its state."""

    __slots__ = ("name", "_hash")

    def __init__(self, name: str, digest: bytes) -> None:
        self.name = name
        self._hash = digest

    def hash(self) -> bytes:
        return self._hash


class StatusCache:
    """The graphs of jugfiles in an SQLite file.

    Parameters
    ----------
    path : str
        The file; it is created when needed, and made anew if it is damaged.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def clear(self) -> None:
        """Remove the file."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StatusCacheError(f"The cache file {self._path!r} cannot be removed: {error.strerror}") from error

    def graph(self, jugfile: Jugfile, jugdir: str, store: base_store) -> tuple[Graph, str]:
        """The graph of the jugfile, and what its barrier waits for ('' if it was read to its end)."""
        import json

        key = repr((os.path.abspath(jugfile.path), jugfile.arguments, jugdir, os.getcwd()))
        row = self._read(key)
        if row is not None:
            facts = json.loads(row[0])
            if _is_valid(facts, store):
                return _restore(facts, *row[1:]), facts["barrier"]
        asked = AskedStore(store)
        barrier, graph = _run_jugfile(jugfile, asked, store)
        self._write(key, _record(graph, asked, jugfile.path, barrier))
        return graph, barrier

    def _read(self, key: str) -> Any:
        import sqlite3

        if not os.path.exists(self._path):
            return None
        try:
            with closing(sqlite3.connect(self._path)) as db:
                db.execute(_SCHEMA)
                columns = "facts, name_of, hashes, starts, edges"
                return db.execute(f"SELECT {columns} FROM graphs_1 WHERE key = ?", (key,)).fetchone()
        except sqlite3.DatabaseError:  # damaged, or something else
            self.clear()
            return None

    def _write(self, key: str, record: tuple[Any, ...]) -> None:
        import sqlite3

        try:
            with closing(sqlite3.connect(self._path)) as db, db:
                db.execute(_SCHEMA)
                db.execute("REPLACE INTO graphs_1 VALUES (?, ?, ?, ?, ?, ?)", (key, *record))
        except sqlite3.Error as error:
            raise StatusCacheError(f"The cache file {self._path!r} cannot be written: {error}") from error


def _run_jugfile(jugfile: Jugfile, asked: AskedStore, store: base_store) -> tuple[str, Graph]:
    task.Task.store = asked  # type: ignore[assignment]
    try:
        barrier = barrier_of(jugfile.load())
        return "" if barrier is None else str(barrier), Graph(task.alltasks)
    finally:
        task.Task.store = store


def _record(graph: Graph, asked: AskedStore, path: str, barrier: str) -> tuple[Any, ...]:
    """The columns of the table after the key."""
    import json

    names = {name: number for number, name in enumerate(dict.fromkeys(t.name for t in graph.tasks))}
    there = [name.decode() for name, answer in asked.answers.items() if answer]
    missing = [name.decode() for name, answer in asked.answers.items() if not answer]
    facts = {
        "sources": _sources(path),
        "there": there,
        "missing": missing,
        "barrier": barrier,
        "names": list(names),
        "listed": graph.listed,
    }
    starts, edges = graph.edges()
    name_of = array("i", (names[t.name] for t in graph.tasks))
    hashes = b"".join(t.hash() for t in graph.tasks)
    return json.dumps(facts), name_of.tobytes(), hashes, starts.tobytes(), edges.tobytes()


def _sources(path: str) -> dict[str, list[int]]:
    """Modification time and size of the jugfile and of the user's modules that it imported."""
    outside = tuple(
        os.path.realpath(place) + os.sep for place in {sys.prefix, sys.base_prefix, os.path.dirname(__file__)}
    )
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    own = {os.path.abspath(file) for file in files if file and not os.path.realpath(file).startswith(outside)}
    return {file: _stamp(file) for file in {*own, os.path.abspath(path)}}


def _stamp(file: str) -> list[int]:
    try:
        st = os.stat(file)
    except OSError:
        return [0, 0]
    return [st.st_mtime_ns, st.st_size]


def _is_valid(facts: dict[str, Any], store: base_store) -> bool:
    """Whether the jugfile would do the same again."""
    if any(_stamp(file) != stamp for file, stamp in facts["sources"].items()):
        return False
    return store.first_missing(facts["there"]) is None and not any(store.can_load(name) for name in facts["missing"])


def _restore(facts: dict[str, Any], *columns: bytes) -> Graph:
    name_of, starts, edges = array("i"), array("i"), array("i")
    packed_names, hashes, packed_starts, packed_edges = columns
    name_of.frombytes(packed_names)
    starts.frombytes(packed_starts)
    edges.frombytes(packed_edges)
    size = len(hashes) // len(name_of) if name_of else 0
    names = facts["names"]
    tasks = [CachedTask(names[name], hashes[i * size : (i + 1) * size]) for i, name in enumerate(name_of)]
    return Graph.restored(tasks, facts["listed"], starts, edges)
