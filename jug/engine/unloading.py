"""Which results are in memory: those that a task is about to need, and no others.

The results that a task needs are loaded together, once, however many Task objects stand for them. After the task has run,
each of them is dropped unless another task that this worker could run now needs it too; with `aggressive`, always.
"""

from __future__ import annotations

from ..errors import NotFinishedError
from ..nodes import tasks_to_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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

    def load_inputs(self, node: int) -> list[TaskNode]:
        """Load the results that the node needs; returns the tasks that they are results of.

        Raises
        ------
        Vanished
            One of them is not in the store.
        """
        task = self._graph.tasks[node]
        needed = tasks_to_load(task.sources())
        wanted: dict[bytes, list[TaskNode]] = {}
        for dep in needed:
            if not dep.is_loaded():
                wanted.setdefault(dep.hash(), []).append(dep)  # type: ignore[attr-defined]
        if wanted:
            self._load(wanted)
        return needed

    def _load(self, wanted: dict[bytes, list[TaskNode]]) -> None:
        names = list(wanted)
        results = self._store.load_many(names)
        for name in names:
            try:
                _, result = next(results)
            except (KeyError, FileNotFoundError):
                raise Vanished(self._graph.index[name]) from None
            for task in wanted[name]:
                task.adopt(result)

    def drop(self, node: int, inputs: list[TaskNode]) -> None:
        """The node has been run: forget what no task that could run now needs."""
        for task in (*inputs, self._graph.tasks[node]):
            if self._aggressive or not self._is_needed(task):
                task.unload()

    def _is_needed(self, task: Any) -> bool:
        node = self._graph.index.get(task.hash())
        return node is not None and self._plan.users[node] > 0
