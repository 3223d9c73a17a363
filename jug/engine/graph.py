"""The graph of tasks: made once from the list of tasks, with edges both ways.

Tasks are numbered in the order in which the jugfile creates them; a task that is created twice (same function, same
arguments: same hash) is one node. Tasks that others need but that are not in the list (user code took them out of it)
are nodes as well, after all others: they are looked at, but never run.

Edges are kept as two flat arrays each way, 4 bytes an edge, so that a million tasks fit into memory comfortably.
"""

from __future__ import annotations

from array import array
from itertools import accumulate, compress
from operator import is_, sub

from jug.task import Task
from jug.task_parts.naming import caption_of, hash_all
from jug.task_parts.overrides import special_among, ways_of
from jug.words.nodes import direct_tasks

from .gc_tuning import rare_collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    from jug.words.nodes import TaskNode


class Graph:
    """Nodes by number and by hash; what each needs, what needs it.

    Attributes
    ----------
    tasks : list of Task
        The task of each node (the first one that was created with its hash).
    index : dict
        The number of each node, by hash, in their order.
    listed : int
        How many nodes are in the list that the graph was made from: these are the ones to run. Always the first ones.
    copies : dict
        Further Task objects of a node, where there are any.
    special : frozenset of int
        The nodes that are to be asked one by one (see :mod:`jug.task_parts.overrides`).
    """

    def __init__(self, tasks: Iterable[Task[Any]]) -> None:
        self.tasks: list[Task[Any]] = []
        self.index: dict[bytes, int] = {}
        self.copies: dict[int, list[Task[Any]]] = {}
        self._known_copies: set[int] = set()  # their ids
        self._reverse: tuple[array[int], array[int]] | None = None
        with rare_collections():
            candidates = self._add_all(list(tasks))
            self.listed = len(self.tasks)
            self._starts, self._edges = self._find_edges(candidates)
            self.special = special_among(self.tasks)

    @classmethod
    def restored(cls, tasks: list[Any], listed: int, starts: array[int], edges: array[int]) -> Graph:
        """A graph from what :attr:`tasks`, :attr:`listed` and :meth:`edges` of another one were."""
        graph = cls(())
        graph.tasks = tasks
        graph.index = {task.hash(): node for node, task in enumerate(tasks)}
        graph.listed = listed
        graph._starts, graph._edges = starts, edges
        return graph

    def __len__(self) -> int:
        return len(self.tasks)

    def _add_all(self, tasks: list[Task[Any]]) -> Sequence[int]:
        """Number the tasks; returns those that may need others."""
        candidates = hash_all(tasks, Task)
        index = dict(zip([(type(t) is Task and t._hash) or t.hash() for t in tasks], range(len(tasks)), strict=True))
        if len(index) == len(tasks):
            self.tasks, self.index = tasks, index
            return candidates
        for task in tasks:  # some were created more than once
            self._add(task)
        return range(len(self.tasks))

    def _add(self, task: Any) -> int:
        node = self.index.setdefault(task.hash(), len(self.tasks))
        if node == len(self.tasks):
            self.tasks.append(task)
        elif self.tasks[node] is not task:
            self._add_copy(node, task)
        return node

    def _add_copy(self, node: int, task: Task[Any]) -> None:
        if id(task) not in self._known_copies:
            self._known_copies.add(id(task))
            self.copies.setdefault(node, []).append(task)

    def _find_edges(self, candidates: Sequence[int]) -> tuple[array[int], array[int]]:
        edges = array("i")
        counts = array("i", bytes(4 * (self.listed + 1)))
        for node in candidates:
            task = self.tasks[node]
            is_usual = type(task) is Task or not ways_of(task).dependencies
            numbers = self._numbers_of(direct_tasks(task.sources() if is_usual else tuple(task.dependencies())))
            counts[node + 1] = len(numbers)
            edges.extend(numbers)
        counts.extend([0] * (len(self.tasks) - self.listed))
        return array("i", accumulate(counts)), edges

    def _numbers_of(self, needed: Sequence[TaskNode]) -> Collection[int]:
        """The numbers of different tasks, each once; those that were not listed get one."""
        numbers = [self.index.get(task.hash(), -1) for task in needed]
        if all(map(is_, needed, map(self.tasks.__getitem__, numbers))):
            return numbers
        return {self._add(task): None for task in needed}  # two objects may be one node

    # Questions

    def selected(self, selects: Callable[[str], bool] | None) -> Sequence[int]:
        """The listed nodes whose captions `selects` is true for; all of them if it is None."""
        nodes = range(self.listed)
        return nodes if selects is None else [node for node in nodes if selects(caption_of(self.tasks[node]))]

    def numbers(self, names: Collection[bytes]) -> list[int]:
        """The nodes with these hashes, as far as there are such, in their order."""
        if len(names) > len(self.index) // 16:
            return list(compress(range(len(self.tasks)), map(names.__contains__, self.index)))
        return sorted(self.index[name] for name in names if name in self.index)

    def hash(self, node: int) -> bytes:
        """The hash of the node."""
        return self.tasks[node].hash()

    def dependencies(self, node: int) -> Sequence[int]:
        """What the node needs directly."""
        return self._edges[self._starts[node] : self._starts[node + 1]]

    def dependents(self, node: int) -> Sequence[int]:
        """What needs the node directly."""
        starts, edges = self.reverse_edges()
        return edges[starts[node] : starts[node + 1]]

    def edges(self) -> tuple[array[int], array[int]]:
        """All edges: what node n needs is ``targets[starts[n]:starts[n + 1]]`` of ``(starts, targets)``."""
        return self._starts, self._edges

    def reverse_edges(self) -> tuple[array[int], array[int]]:
        """As :meth:`edges`, the other way: what needs node n."""
        return self._reverse or self._reversed()

    def number_of_dependencies(self) -> array[int]:
        """For each node, how many others it needs directly."""
        return array("i", map(sub, self._starts[1:], self._starts))

    def downstream(self, selected: Iterable[int]) -> list[int]:
        """The selected nodes and everything that depends on them, directly or not: dependents before what they need."""
        reached = bytearray(len(self.tasks))
        stack = list(selected)
        for node in stack:
            reached[node] = 1
        while stack:
            for dependent in self.dependents(stack.pop()):
                if not reached[dependent]:
                    reached[dependent] = 1
                    stack.append(dependent)
        return self._dependents_first(reached)

    def _dependents_first(self, reached: bytearray) -> list[int]:
        """The reached nodes in an order in which each comes before all that it needs."""
        waiting = array("i", bytes(4 * len(reached)))  # how many reached dependents are not in the order yet
        members = [node for node, is_reached in enumerate(reached) if is_reached]
        for node in members:
            for needed in self.dependencies(node):
                waiting[needed] += 1
        order = [node for node in members if not waiting[node]]
        for node in order:  # grows while it is walked
            for needed in self.dependencies(node):
                waiting[needed] -= 1
                if not waiting[needed] and reached[needed]:
                    order.append(needed)
        return order

    def _reversed(self) -> tuple[array[int], array[int]]:
        starts = array("i", bytes(4 * (len(self.tasks) + 1)))
        for needed in self._edges:
            starts[needed + 1] += 1
        starts = array("i", accumulate(starts))
        edges = array("i", bytes(4 * len(self._edges)))
        free = array("i", starts)
        for node in range(self.listed) if edges else ():
            for needed in self.dependencies(node):
                edges[free[needed]] = node
                free[needed] += 1
        self._reverse = starts, edges
        return self._reverse
