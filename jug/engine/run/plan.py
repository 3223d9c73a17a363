"""What one worker knows about the tasks, and which it runs next.

The state, as data:

``state[node]``
    one of ``WAITING`` (a result that it needs is missing), ``READY`` (can be run), ``MINE`` (this worker is running
    it), ``BUSY`` (another worker holds its lock), ``FAILED`` (it raised, here or elsewhere) and ``DONE`` (its result
    is stored).
``missing[node]``
    how many of the results that it needs are missing.
``fresh``, ``queue``
    the nodes to be run next: those that became ready through this worker's own results, newest first (what they need
    is still in memory), then the others in the order of the jugfile, starting where chance put this worker. Entries
    that are no longer READY are dropped when they come up.
``users[node]``
    how many nodes that are READY or MINE need it: its result is worth keeping in memory while there are any.
``left[state]``
    how many of the nodes that are to be run are in each state.

Each method that changes this is one transition; none asks the store or waits. All are constant time per node and
edge: a node's dependents are visited once when it becomes done (and again only if its result vanishes).
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from itertools import chain, compress, islice
from operator import and_, not_

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from jug.engine.graph import Graph

WAITING, READY, MINE, BUSY, FAILED, DONE = range(6)
_IS_USER = (0, 1, 1, 0, 0, 0)
_AT_FIRST = bytes([WAITING, READY]).ljust(256, b"\0")  # by whether nothing is missing


class Plan:
    """The scheduler's state; see the docstring of the module.

    Parameters
    ----------
    graph : Graph
    selected : iterable of int, optional
        The nodes that this worker is to run; all listed ones by default.
    """

    def __init__(self, graph: Graph, selected: Iterable[int] | None = None) -> None:
        self.graph = graph
        self.to_run = bytearray(len(graph))
        for node in graph.selected(None) if selected is None else selected:
            self.to_run[node] = 1
        self.missing = graph.number_of_dependencies()
        self.users = array("i", bytes(4 * len(graph)))
        is_ready = bytes(map(not_, self.missing))
        self.state = bytearray(is_ready.translate(_AT_FIRST))
        self._needed_from_others: list[int] | None = None
        self.fresh: list[int] = []
        self.queue = deque(compress(range(len(graph)), map(and_, is_ready, self.to_run)))
        self.left = [0] * 6
        self.left[READY] = len(self.queue)
        self.left[WAITING] = sum(self.to_run) - len(self.queue)

    def _move(self, node: int, state: int) -> None:
        before = self.state[node]
        if self.to_run[node]:
            self.left[before] -= 1
            self.left[state] += 1
            change = _IS_USER[state] - _IS_USER[before]
            if change:
                for needed in self.graph.dependencies(node):
                    self.users[needed] += change
        self.state[node] = state

    def _enqueue(self, node: int, where: deque[int] | list[int]) -> None:
        if self.to_run[node]:
            where.append(node)

    # Decisions

    def take(self) -> int | None:
        """The next node to run, or None if none is ready."""
        if not self.left[READY]:  # what is in line is in other states by now
            self.fresh.clear()
            self.queue.clear()
        for line in (self.fresh, self.queue):
            while line:
                node = self.fresh.pop() if line is self.fresh else self.queue.popleft()
                if self.state[node] == READY:
                    return node
        return None

    def upcoming(self, number: int) -> list[int]:
        """What :meth:`take` would return next, if nothing changed: at most so many nodes."""
        line = islice(chain(reversed(self.fresh), self.queue), 2 * number)
        return [node for node in line if self.state[node] == READY][:number]

    def jump(self, fraction: float) -> None:
        """Go on at another place of the queue: `fraction` (0 to 1) of its length further."""
        self.queue.rotate(-int(fraction * len(self.queue)))

    def chosen(self) -> Iterable[int]:
        """The nodes to be run."""
        return compress(range(len(self.graph)), self.to_run)

    def unfinished(self) -> int:
        """How many of the nodes to be run have no result."""
        return sum(self.left) - self.left[DONE]

    def numbers_left(self) -> dict[str, int]:
        """How many of them are in which state, in words."""
        left = self.left
        return {"running": left[BUSY], "ready": left[READY], "waiting": left[WAITING], "failed": left[FAILED]}

    def only_failures_left(self) -> bool:
        """True if nothing can be expected to finish any more: what is left failed, or needs what failed."""
        return (
            self.left[FAILED] > 0
            and not (self.left[READY] or self.left[MINE] or self.left[BUSY])
            and not any(self.state[node] != DONE and self._is_waited_for(node) for node in self._others())
        )

    def _is_waited_for(self, node: int) -> bool:
        return any(self.to_run[d] and self.state[d] == WAITING for d in self.graph.dependents(node))

    def _others(self) -> list[int]:
        """The nodes that are not ours to run, but that some of ours need."""
        if self._needed_from_others is None:
            others = (node for node in range(len(self.graph)) if not self.to_run[node])
            self._needed_from_others = [n for n in others if any(self.to_run[d] for d in self.graph.dependents(n))]
        return self._needed_from_others

    def ask_again(self) -> None:
        """There was a look at the store: what was held back for another reason than a missing result may run by now."""

    # Transitions

    def mine(self, node: int) -> None:
        """This worker has the lock and runs the node."""
        self._move(node, MINE)

    def busy(self, node: int) -> None:
        """Another worker has the lock."""
        if self.state[node] != DONE:
            self._move(node, BUSY)

    def failed(self, node: int) -> None:
        """The node raised."""
        self._move(node, FAILED)

    def freed(self, node: int) -> None:
        """The lock of a node that was busy or failed is gone, and there is no result."""
        self._move(node, WAITING if self.missing[node] else READY)
        if self.state[node] == READY:
            self._enqueue(node, self.queue)

    def done(self, node: int, by_me: bool = False) -> list[int]:
        """The node has a result; returns the nodes that became ready."""
        if self.state[node] == DONE:
            return []
        self._move(node, DONE)
        ready = []
        for dependent in self.graph.dependents(node):
            self.missing[dependent] -= 1
            if not self.missing[dependent] and self.state[dependent] == WAITING:
                self._move(dependent, READY)
                self._enqueue(dependent, self.fresh if by_me else self.queue)
                ready.append(dependent)
        return ready

    def done_all(self, nodes: Iterable[int]) -> list[int]:
        """As :meth:`done` for each of the nodes, in less time; returns those that were not known to be done."""
        state = self.state
        new = [node for node in dict.fromkeys(nodes) if state[node] != DONE]
        ours = [node for node in new if self.to_run[node]]
        for before, number in Counter(map(state.__getitem__, ours)).items():
            self.left[before] -= number
        self.left[DONE] += len(ours)
        users = [node for node in ours if _IS_USER[state[node]]]
        for node in new:
            state[node] = DONE
        if len(self.graph.edges()[1]):
            self._need_nothing(users)
            self._supply(new)
        return new

    def _need_nothing(self, nodes: Iterable[int]) -> None:
        """The nodes were users of what they need, and are none any more."""
        starts, needed = self.graph.edges()
        users = self.users
        for node in nodes:
            for at in range(starts[node], starts[node + 1]):
                users[needed[at]] -= 1

    def _supply(self, nodes: Iterable[int]) -> None:
        """The nodes have become done: so have others what they need."""
        starts, dependents = self.graph.reverse_edges()
        state, missing = self.state, self.missing
        for node in nodes:
            for at in range(starts[node], starts[node + 1]):
                dependent = dependents[at]
                missing[dependent] -= 1
                if not missing[dependent] and state[dependent] == WAITING:
                    self._move(dependent, READY)
                    self._enqueue(dependent, self.queue)

    def vanished(self, node: int) -> None:
        """The result of a node that was done is gone."""
        if self.state[node] != DONE:
            return
        for dependent in self.graph.dependents(node):
            self.missing[dependent] += 1
            if self.state[dependent] == READY:
                self._move(dependent, WAITING)
        self.freed(node)
