"""``jug status --cache``: the graph of a jugfile, kept so that it need not be run again to show its status.

What a jugfile makes depends on its code, on its arguments, on what it reads, and on what it is told about results
(barriers, compound tasks, ``bvalue``). A graph is kept together with all of these: it is used again only if every
file, directory and variable that the jugfile looked at is as it was, and the store would give every answer again.
So results that are removed or have become others, barriers that open, and edited jugfiles and modules are noticed.

The states of the tasks are never kept: they are asked of the store each time. A cache that cannot be used costs a
warning, and the jugfile is run as without one.
"""

from __future__ import annotations

import os
import sys
from array import array

from jug import task
from jug.engine.graph import Graph
from jug.engine.loading.directory import working_directory
from jug.engine.loading.jugfile import barrier_of
from jug.engine.loading.stores import current_store
from jug.jug_version import __version__
from jug.task_parts.naming import caption_of

from .cache_file import CacheFile, CacheFileError
from .fingerprint import is_unchanged
from .recorder import Watch
from .recording_store import RecordingStore, still_answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from jug.backends.base import base_store
    from jug.engine.loading.jugfile import Jugfile

#: What the cache is called unless the user says otherwise, since 2.7.
DEFAULT_FILE = ".jugstatus.sqlite3"


class CachedTask:
    """What is left of a task in the cache: enough to show its state."""

    __slots__ = ("name", "_hash")

    def __init__(self, name: str, digest: bytes) -> None:
        self.name = name
        self._hash = digest

    def hash(self) -> bytes:
        return self._hash


class StatusCache:
    """The graphs of jugfiles in a file.

    Parameters
    ----------
    path : str
        It is created when needed, and made anew if it is damaged.
    warn : callable
        Given a sentence if the cache cannot be used.
    """

    def __init__(self, path: str, warn: Callable[[str], object]) -> None:
        self._path = path
        self._file = CacheFile(path, DEFAULT_FILE)
        self._warn = warn

    def clear(self) -> None:
        """Remove the file; raises CacheFileError if that cannot be done, or it is no cache."""
        self._file.clear()

    def graph(self, jugfile: Jugfile, jugdir: str, store: base_store) -> tuple[Graph, str, base_store]:
        """The graph of the jugfile, what its barrier waits for ('' if it was read to its end), and its store."""
        import json

        key = _key(jugfile, jugdir)
        row = self._read(key)
        facts = json.loads(row[0]) if row else None
        if row and facts and is_unchanged(facts["world"]) and still_answers(store, facts["answers"]):
            return _restore(facts, *row[1:]), facts["barrier"], store
        watch = Watch([self._path, jugdir])
        asked = RecordingStore(store, watch)
        before = working_directory()
        barrier, graph = _run_jugfile(jugfile, asked, watch)
        if asked is not task.Task.store:  # type: ignore[comparison-overlap]
            self._warn(f"the status of {jugfile.path} is not kept: it chooses its jugdir itself")
            return graph, barrier, current_store(store)
        task.Task.store = store
        if working_directory() != before:
            self._warn(f"the status of {jugfile.path} is not kept: it goes to another directory")
            return graph, barrier, current_store(store)
        if graph.special or len({len(t.hash()) for t in graph.tasks}) > 1:
            self._warn(f"the status of {jugfile.path} is not kept: it has tasks of classes with ways of their own")
        elif asked.other:
            self._warn(f"the status of {jugfile.path} is not kept: it uses Task.store.{asked.other}")
        elif asked.is_consistent():
            facts = {"world": watch.facts(), "answers": asked.facts(), "barrier": barrier}
            self._write(key, _record(graph, facts))
        return graph, barrier, store

    def _read(self, key: str) -> list[bytes] | None:
        try:
            return self._file.read(key)
        except CacheFileError:
            return None  # said when it cannot be written either

    def _write(self, key: str, row: list[bytes]) -> None:
        try:
            aside = self._file.write(key, row)
        except CacheFileError as error:
            self._warn(f"{error}; the status is right, but not kept")
        else:
            if aside:
                self._warn(f"the cache file {self._path!r} was damaged: it is now {aside!r}, and there is a new one")


def _key(jugfile: Jugfile, jugdir: str) -> str:
    """What a graph may depend on that is known before the jugfile is run."""
    cwd, path = os.getcwd(), os.path.abspath(jugfile.path)
    # These two come first when the jugfile is read, whether they are there now or not.
    modules = [place for place in map(os.path.abspath, sys.path) if place not in (cwd, os.path.dirname(path))]
    python = (__version__, sys.version, sys.executable, tuple(sys.flags), modules)
    return ascii((python, path, jugfile.path, jugfile.arguments, jugdir, cwd))


def _run_jugfile(jugfile: Jugfile, asked: RecordingStore, watch: Watch) -> tuple[str, Graph]:
    task.Task.store = asked  # type: ignore[assignment]
    with watch:
        barrier = barrier_of(jugfile.load())
        return "" if barrier is None else str(barrier), Graph(task.alltasks)


def _record(graph: Graph, facts: dict[str, Any]) -> list[bytes]:
    """The columns of a row."""
    import json

    names = {name: number for number, name in enumerate(dict.fromkeys(map(caption_of, graph.tasks)))}
    facts.update(names=list(names), listed=graph.listed)
    starts, edges = graph.edges()
    name_of = array("i", (names[caption_of(t)] for t in graph.tasks))
    hashes = b"".join(t.hash() for t in graph.tasks)
    return [json.dumps(facts).encode(), name_of.tobytes(), hashes, starts.tobytes(), edges.tobytes()]


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
