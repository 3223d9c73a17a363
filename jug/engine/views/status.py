"""The state of every task, computed from a few bulk questions to the store.

Everything that shows progress starts from here.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum

from jug.engine.overrides.differences import may_run, store_of
from jug.task_parts.naming import caption_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jug.backends.base import LockDetails, base_store
    from jug.engine.graph import Graph


class State(IntEnum):
    """What can be said of a task."""

    WAITING = 0, "A result that it needs is not there yet, or its own can_run() says no."
    READY = 1, "It can be run now."
    RUNNING = 2, "A worker holds its lock."
    ABANDONED = 3, "A worker that is gone holds its lock: it runs again as soon as a worker comes."
    FAILED = 4, "It raised an exception when it was last run; with --keep-failed, nobody runs it again."
    FINISHED = 5, "Its result is in the store."
    CLAIMED = 6, "A worker that runs another task holds its lock: it is next, or its result is about to be stored."

    sentence: str

    def __new__(cls, number: int, sentence: str) -> State:
        state = int.__new__(cls, number)
        state._value_ = number
        state.sentence = sentence
        return state


_STATES = tuple(State)
_FINISHED = bytes([0, State.FINISHED]).ljust(256, b"\0")  # from the answers of `finished_nodes`


def state_of(finished: bool, mark: State | None, dependencies_finished: bool) -> State:
    """The state of one task; `mark` is what its lock says, or the record of its failure, and None if there is none."""
    if finished:
        return State.FINISHED
    if not dependencies_finished and mark in (None, State.ABANDONED):
        return State.WAITING
    return State.READY if mark is None else mark


def mark_of(lock: LockDetails) -> State:
    """What a lock says of its task."""
    if lock.failed:
        return State.FAILED
    return State.ABANDONED if lock.abandoned else State.RUNNING


def marks_of(locks: Mapping[bytes, LockDetails]) -> dict[bytes, State]:
    """What the locks say of their tasks: of those of one worker that runs one task at a time, one is running.

    That is the one that it says it runs. It says so of a task that takes more than a moment; of short ones, it is the
    one that it has held for the longest time.
    """
    marks = {name: mark_of(lock) for name, lock in locks.items()}
    runs: dict[str, bytes] = {}
    together = [name for name, lock in locks.items() if lock.one_at_a_time and marks[name] is State.RUNNING]
    for name in together:
        runs[locks[name].worker] = min(runs.get(locks[name].worker, name), name, key=lambda one: _rank(one, locks[one]))
    marks.update((name, State.CLAIMED) for name in together if runs[locks[name].worker] != name)
    return marks


def _rank(name: bytes, lock: LockDetails) -> tuple[bool, float, bytes]:
    return not lock.is_noted, lock.since or 0.0, name


class Status:
    """The states of the tasks of a graph at one moment.

    Attributes
    ----------
    states : bytearray
        The State of each listed node of the graph.
    locks : dict
        All locks in the store, those of other graphs too, as ``base_store.lock_details()`` tells them.
    """

    def __init__(self, graph: Graph, store: base_store, selects: Callable[[str], bool] | None = None) -> None:
        self._graph = graph
        self._selects = selects
        self._table: dict[str, dict[State, int]] | None = None
        store = store_of(graph, store)
        # Locks first: a task that finishes in between is then seen as finished, or as running, but never as neither.
        marks = dict.fromkeys(store.failures(), State.FAILED)
        self.locks = store.lock_details()
        marks.update(marks_of(self.locks))
        finished = finished_nodes(graph, store)
        self.states = finished[: graph.listed].translate(_FINISHED)
        node = finished.find(0, 0, graph.listed)
        while node >= 0:
            mark = marks.get(graph.hash(node)) if marks else None
            is_ready = all(finished[needed] for needed in graph.dependencies(node)) and may_run(graph, node)
            self.states[node] = state_of(False, mark, is_ready)
            node = finished.find(0, node + 1, graph.listed)

    def counts(self) -> dict[State, int]:
        """How many of the selected tasks are in each state."""
        total = dict.fromkeys(State, 0)
        for counts in self.by_name().values():
            for state, count in counts.items():
                total[state] += count
        return total

    def by_name(self) -> dict[str, dict[State, int]]:
        """How many of the selected tasks of each name, in the order of their first appearance, are in each state."""
        if self._table is None:
            self._table = self._tabulate()
        return self._table

    def _tabulate(self) -> dict[str, dict[State, int]]:
        names = map(caption_of, self._graph.tasks)
        tally = Counter(zip(names, self.states, strict=False))  # the graph has unlisted tasks, too
        table: dict[str, dict[State, int]] = {}
        for (name, state), count in tally.items():
            if self._selects is None or self._selects(name):
                table.setdefault(name, dict.fromkeys(State, 0))[_STATES[state]] = count
        return table

    def is_complete(self) -> bool:
        """True if all selected tasks are finished."""
        counts = self.counts()
        return counts[State.FINISHED] == sum(counts.values())


def finished_nodes(graph: Graph, store: base_store) -> bytearray:
    """For each node of the graph, whether its result is in the store."""
    store = store_of(graph, store)
    return bytearray(map(store.listing().refresh()[0].__contains__, graph.index))  # whose order is that of the nodes
