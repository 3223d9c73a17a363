"""The states of the tasks of a graph, looked at again and again at the price of what changed.

The same states as of :mod:`jug.engine.views.status`, computed by the same function. For each node it is kept whether
its result is there, how many results it waits for and what is known of its lock; a look asks the store what has
changed, and computes the state of what that touches. A hundred thousand tasks at rest cost what one question to the
store does.
"""

from __future__ import annotations

from array import array

from jug.engine.overrides.differences import gated, may_run, store_of
from jug.task_parts.naming import caption_of

from .status import State, marks_of, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from jug.backends.base import LockDetails, base_store
    from jug.engine.graph import Graph

_STATES = tuple(State)


class LiveStatus:
    """The states of the tasks of a graph as they were at the last :meth:`look`; before the first, nothing is finished.

    Attributes
    ----------
    graph : Graph
    states : bytearray
        The State of each listed node.
    finished : bytearray
        Whether the result of each node, listed or not, is there.
    locks : dict
        All locks in the store, those of other graphs too, as ``base_store.lock_details()`` tells them.
    """

    def __init__(self, graph: Graph, store: base_store) -> None:
        self.graph = graph
        self.finished = bytearray(len(graph))
        self.locks: Mapping[bytes, LockDetails] = {}
        self._store = store_of(graph, store)
        self._listing = self._store.listing()
        self._gated = gated(graph)
        self._waits_for = graph.number_of_dependencies()
        self._marks: dict[bytes, State] = {}
        self.states = bytearray(self._state(node) for node in range(graph.listed))
        self._row_of, self._rows = self._tabulate()

    def look(self, failed: Collection[bytes] = ()) -> tuple[int, int]:
        """Look at the store; returns how many listed tasks have (become finished, lost their result).

        A task in `failed` counts as failed as long as nobody works at it and it has no result.
        """
        # Locks first: a task that finishes in between is then seen as finished, or as running, but never as neither.
        locks = self._store.lock_details()
        appeared, vanished = self._listing.refresh()
        # Everything has been asked: from here on nothing can go wrong halfway.
        self.locks = locks
        touched = self._mark(failed)
        come = self._set_finished(appeared, 1, touched)
        gone = self._set_finished(vanished, 0, touched)
        self._update(touched.union(self._gated))
        return come, gone

    def by_name(self) -> dict[str, dict[State, int]]:
        """How many tasks of each name, in the order of their first appearance, are in each state."""
        return {name: dict(zip(_STATES, row, strict=True)) for name, row in self._rows.items()}

    def counts(self) -> dict[State, int]:
        """How many tasks are in each state."""
        return {state: sum(row[state] for row in self._rows.values()) for state in _STATES}

    def is_complete(self) -> bool:
        """True if all tasks are finished."""
        return self.counts()[State.FINISHED] == self.graph.listed

    def is_finished(self, name: bytes) -> bool:
        """Whether the task of the graph with this hash has a result."""
        node = self.graph.index.get(name)
        return node is not None and bool(self.finished[node])

    def nodes(self, state: State) -> Iterator[int]:
        """The listed nodes in this state."""
        node = self.states.find(state)
        while node >= 0:
            yield node
            node = self.states.find(state, node + 1)

    def blocked(self) -> int:
        """How many tasks wait for one that failed, directly or not."""
        stack = list(self.nodes(State.FAILED))
        reached: set[int] = set()
        while stack:
            for dependent in self.graph.dependents(stack.pop()):
                if dependent not in reached and self.states[dependent] == State.WAITING:
                    reached.add(dependent)
                    stack.append(dependent)
        return len(reached)

    def _state(self, node: int) -> State:
        mark = self._marks.get(self.graph.hash(node)) if self._marks else None
        is_ready = not (self._waits_for[node] or self.finished[node]) and may_run(self.graph, node)
        return state_of(bool(self.finished[node]), mark, is_ready)

    def _tabulate(self) -> tuple[array[int], dict[str, list[int]]]:
        """The number of the row of each listed node, and the rows: counts by state."""
        number: dict[str, int] = {}
        row_of = array("i")
        for node in range(self.graph.listed):
            row_of.append(number.setdefault(caption_of(self.graph.tasks[node]), len(number)))
        rows = {name: [0] * len(_STATES) for name in number}
        in_order = list(rows.values())
        for node, state in enumerate(self.states):
            in_order[row_of[node]][state] += 1
        return row_of, rows

    def _mark(self, failed: Collection[bytes]) -> set[int]:
        """Note who is locked, and who has failed; returns the nodes for which that is new."""
        marks = dict.fromkeys(failed, State.FAILED)
        marks.update(marks_of(self.locks))
        before, self._marks = self._marks, marks
        changed = [name for name, mark in marks.items() if before.get(name) is not mark]
        changed += [name for name in before if name not in marks]
        index = self.graph.index
        return {index[name] for name in changed if name in index}

    def _set_finished(self, names: Iterable[bytes], value: int, touched: set[int]) -> int:
        """Note that results are there (1) or not (0); adds all whose state that may change to `touched`."""
        index, listed = self.graph.index, self.graph.listed
        changed = 0
        for name in names:
            node = index.get(name)
            if node is None or self.finished[node] == value:
                continue
            self.finished[node] = value
            changed += node < listed
            touched.add(node)
            for dependent in self.graph.dependents(node):
                self._waits_for[dependent] += -1 if value else 1
                touched.add(dependent)
        return changed

    def _update(self, touched: Iterable[int]) -> None:
        rows = list(self._rows.values())
        for node in touched:
            if node < self.graph.listed:
                row = rows[self._row_of[node]]
                row[self.states[node]] -= 1
                self.states[node] = state = self._state(node)
                row[state] += 1
