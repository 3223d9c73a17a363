"""Which results are in memory: those that a task is about to need, and no others.

The results that a task needs are loaded together, once, however many Task objects stand for them. After the task has
run, each of them is dropped unless another task that this worker could run now needs it too; with `aggressive`,
always.
"""

from __future__ import annotations

from ..errors import NotFinishedError
from ..nodes import tasks_to_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..backends.base import base_store
    from ..nodes import TaskNode
    from .plan import Plan


class Vanished(NotFinishedError):
    """A result that was in the store is not there any more; ``node`` is its number."""

    def __init__(self, node: int) -> None:
        super().__init__(f"The result of node {node} vanished")
        self.node = node


class Memory:
    """Loads what nodes need and drops what none does."""

    def __init__(self, plan: Plan, store: base_store, aggressive: bool = False) -> None:
        self._plan = plan
        self._graph = plan.graph
        self._store = store
        self._aggressive = aggressive
        self._kept: dict[int, TaskNode] = {}  # by id: the tasks whose results were left in memory

    def inputs(self, node: int) -> list[TaskNode]:
        """The tasks whose results the node needs in memory."""
        if not self._graph.dependencies(node):
            return []  # as for most tasks: no need to search
        return tasks_to_load(self._graph.tasks[node].sources())

    def load(self, inputs: Iterable[TaskNode]) -> None:
        """Load the results of these tasks.

        Raises
        ------
        Vanished
            One of them is not in the store.
        """
        wanted: dict[bytes, list[TaskNode]] = {}
        for task in inputs:
            if not task.is_loaded():
                wanted.setdefault(task.hash(), []).append(task)
        if wanted:
            self._load(wanted)

    def _load(self, wanted: dict[bytes, list[TaskNode]]) -> None:
        names = list(wanted)
        results = iter(self._store.load_many(names))
        for name in names:
            try:
                _, result = next(results)
            except (KeyError, FileNotFoundError):
                raise Vanished(self._graph.index[name]) from None
            for task in wanted[name]:
                task.adopt(result)

    def drop(self, node: int, inputs: Iterable[TaskNode]) -> None:
        """The node has been run: forget what no task that could run now needs."""
        for task in (*inputs, self._graph.tasks[node]):
            self._kept[id(task)] = task
            self._drop_unless_needed(task)

    def sweep(self) -> None:
        """Others have been at work: forget what was kept for tasks that they ran."""
        for task in list(self._kept.values()):
            self._drop_unless_needed(task)

    def _drop_unless_needed(self, task: TaskNode) -> None:
        node = self._graph.index.get(task.hash())
        if self._aggressive or node is None or not self._plan.users[node]:
            task.unload()
            del self._kept[id(task)]
