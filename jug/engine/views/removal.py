"""What would go if results were invalidated or a store cleaned up: found by a few bulk questions, before anything goes.

A dry run shows such a plan, and a real one carries it out. Plans read no result.
"""

from __future__ import annotations

from jug.engine.overrides.differences import store_of
from jug.task_parts.naming import caption_of

from .status import finished_nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import TypeVar

    from jug.backends.base import LockDetails, base_store
    from jug.engine.graph import Graph

    _V = TypeVar("_V")


class Invalidation:
    """The results of the nodes `chosen`, and of all that depend on them.

    Attributes
    ----------
    selected, dependent : dict
        How many results of the chosen tasks, and of those that depend on them, there are by task name.
    records : list of bytes
        Those of the tasks of which a failure is recorded.
    running : list of LockDetails
        The locks of those of these tasks that somebody runs at this moment.
    """

    def __init__(self, graph: Graph, store: base_store, chosen: Collection[int]) -> None:
        self._store = store = store_of(graph, store)
        # Dependents first: whoever looks in between never sees a result without those that it was computed from.
        self.nodes = graph.downstream(chosen)
        self._names = [graph.hash(node) for node in self.nodes]
        self.selected: dict[str, int] = {}
        self.dependent: dict[str, int] = {}
        is_chosen = frozenset(chosen)
        finished = finished_nodes(graph, store)
        for node in self.nodes:
            if finished[node]:
                counts = self.selected if node in is_chosen else self.dependent
                name = caption_of(graph.tasks[node])
                counts[name] = counts.get(name, 0) + 1
        self.records = list(_among(store.failures(), self._names))
        self.running = [lock for lock in _among(store.lock_details(), self._names).values() if lock.is_held]

    def __len__(self) -> int:
        """How many results there are to go."""
        return sum(self.selected.values()) + sum(self.dependent.values())

    def remove(self) -> int:
        """Remove the results (those, too, that have come since the plan was made); returns how many there were.

        What is known of failures of these tasks is forgotten as well.
        """
        self._store.remove_failures(self.records)
        return len(self._store.remove_many(self._names))

    def left(self) -> int:
        """How many of the results are in the store now."""
        names = frozenset(self._names)
        return sum(name in names for name in self._store.listing().refresh()[0])


class Cleanup:
    """What nobody needs any more, of those kinds that are asked for: results, locks, records of failures.

    What somebody may be at work at stays: his locks, what is stored under these, and the failures of his run, which
    keep him from trying the same again.

    Attributes
    ----------
    results : list of bytes
        Results that no task of the jugfile has; empty unless `graph` is complete and they are asked for.
    kept : int
        How many results would stay.
    locks : list of bytes
        Those that go.
    held : list of bytes
        Those that somebody may hold.
    records : list of bytes
        The tasks whose records of failures would go.
    """

    def __init__(self, graph: Graph, store: base_store) -> None:
        self._graph = graph
        self._store = store = store_of(graph, store)
        self._locks = store.lock_details()
        self._finished: frozenset[bytes] = frozenset()
        self.results: list[bytes] = []
        self.kept = 0
        self.locks: list[bytes] = []
        self.held = [name for name, lock in self._locks.items() if lock.is_held]
        self.records: list[bytes] = []

    def add_unused(self, keep_locks: bool) -> Cleanup:
        """Results that no task has, and the failures of tasks that are gone or finished by now."""
        stored = list(self._store.list())
        used = self._graph.index.keys() | frozenset(self.held)
        self.results = [name for name in stored if name not in used]
        self.kept = len(stored) - len(self.results)
        self._finished = frozenset(stored)
        locked = self._locks.keys() if keep_locks else frozenset()
        for name in self._unneeded_records():
            if (name in self._finished or name not in self._graph.index) and name not in locked:
                self.records.append(name)
        return self

    def add_locks(self, failed_only: bool = False, force: bool = False) -> Cleanup:
        """Locks that have failed, with all records of failures; unless that is all, what was left behind, too.

        With `force`, all locks.
        """
        if failed_only:
            self.locks = [name for name, lock in self._locks.items() if lock.failed]
            self.records = list(self._store.failures())
            return self
        self.locks = [name for name, lock in self._locks.items() if force or not lock.is_held]
        self.records = self._unneeded_records()
        return self

    def holders(self, names: Collection[bytes]) -> list[tuple[str, LockDetails, int]]:
        """For these locks: task name ('' if it is not known), state and holder, and how many there are of these."""
        details = _among(self._locks, names)
        recorded = self._store.failures() if details else {}
        groups: dict[tuple[str, bool, bool, str, int], tuple[LockDetails, int]] = {}
        for name, lock in details.items():
            node = self._graph.index.get(name)
            task = str(recorded.get(name, {}).get("task", "")) if node is None else caption_of(self._graph.tasks[node])
            key = (task, lock.failed, lock.abandoned, lock.host, lock.pid)
            first, count = groups.get(key, (lock, 0))
            groups[key] = (_earlier(first, lock), count + 1)
        return sorted(((key[0], lock, count) for key, (lock, count) in groups.items()), key=_order)

    def _unneeded_records(self) -> list[bytes]:
        """All but those of tasks that are not finished in a run that somebody is at work in."""
        runs = {worker.run for worker in self._store.workers() if not worker.gone}
        records = self._store.failures().items()
        return [name for name, record in records if name in self._finished or record.get("run") not in runs]


def _order(group: tuple[str, LockDetails, int]) -> tuple[str, bool, bool, str, int]:
    name, lock, _count = group
    return name, lock.failed, lock.abandoned, lock.host, lock.pid


def _earlier(one: LockDetails, other: LockDetails) -> LockDetails:
    if one.since is None or other.since is None:
        return other if one.since is None else one
    return one if one.since <= other.since else other


def _among(mapping: Mapping[bytes, _V], names: Iterable[bytes]) -> dict[bytes, _V]:
    """The entries of `names`."""
    return {name: mapping[name] for name in names if name in mapping} if mapping else {}
