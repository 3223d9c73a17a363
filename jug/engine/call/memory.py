"""Which results are in memory: those that a task is about to need, and no others.

The results that a task needs are loaded together, once, however many Task objects stand for them. After the task has
run, each of them is dropped unless another task that this worker could run now needs it too; with `aggressive`,
always.
"""

from __future__ import annotations

from jug.engine.gc_tuning import rare_collections
from jug.errors import NotFinishedError, UnloadableResultError
from jug.words.nodes import tasks_to_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from jug.backends.base import base_store
    from jug.engine.run.plan import Plan
    from jug.words.nodes import TaskNode


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
        self._inputs: Iterable[TaskNode] = ()  # those that were loaded last

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
        self._inputs = inputs
        wanted: dict[bytes, TaskNode] = {}
        copies: list[TaskNode] = []
        for task in inputs:
            if not task.is_loaded() and wanted.setdefault(task.hash(), task) is not task:
                copies.append(task)
        if wanted:
            with rare_collections():
                self._load(wanted)
        for task in copies:
            task.adopt(wanted[task.hash()].value())

    def _load(self, wanted: dict[bytes, TaskNode]) -> None:
        names = list(wanted)
        loaded = 0
        try:
            for name, result in self._store.load_many(names):
                wanted[name].adopt(result)
                loaded += 1
        except (KeyError, FileNotFoundError):
            raise Vanished(self._graph.index[names[loaded]]) from None
        except UnloadableResultError as error:
            name = names[loaded]
            error.task = f"{getattr(wanted[name], 'name', '')} (task {name.decode()})"
            raise

    def drop(self, node: int, inputs: Iterable[TaskNode]) -> None:
        """The node has been run: forget what no task that could run now needs."""
        for task in (*inputs, self._graph.tasks[node]):
            self._drop_unless_needed(task)

    def forget(self, node: int) -> None:
        """What is in memory is not the result of the node: whoever needs that loads it from the store."""
        for task in (self._graph.tasks[node], *self._kept.values(), *self._inputs):
            if self._graph.index.get(task.hash()) == node:
                task.unload()

    def sweep(self) -> None:
        """Others have been at work: forget what was kept for tasks that they ran."""
        for task in list(self._kept.values()):
            self._drop_unless_needed(task)

    def _drop_unless_needed(self, task: TaskNode) -> None:
        node = self._graph.index.get(task.hash())
        if self._aggressive or node is None or not self._plan.users[node]:
            task.unload()
            self._kept.pop(id(task), None)
        else:
            self._kept[id(task)] = task
