"""Tasks of classes that override something (:mod:`jug.task_parts.overrides`): where they are not asked in bulk.

Their results and locks are asked for through :class:`~jug.engine.overrides.store.SinglyStore`, in place of the store;
what they need is in the graph. In a graph without such tasks, all of this costs nothing.
"""

from __future__ import annotations

from jug.engine.run.plan import WAITING, Plan
from jug.task import Task
from jug.task_parts.overrides import ways_of

from .store import SinglyStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from jug.backends.base import base_store
    from jug.engine.graph import Graph


def store_of(graph: Graph, store: base_store) -> base_store:
    """Where the results and locks of the tasks of the graph are, most of which are in `store`."""
    if not graph.special or isinstance(store, SinglyStore):
        return store
    return SinglyStore([graph.tasks[node] for node in sorted(graph.special)], store)


def plan_of(graph: Graph, selected: Iterable[int] | None) -> Plan:
    """What a worker knows about the tasks of the graph."""
    return GatedPlan(graph, selected) if gated(graph) else Plan(graph, selected)


def gated(graph: Graph) -> list[int]:
    """The nodes that say themselves whether they may run."""
    return [node for node in sorted(graph.special) if ways_of(graph.tasks[node]).can_run]


def may_run(graph: Graph, node: int) -> bool:
    """Whether the node may run now, of which nothing is missing."""
    task = graph.tasks[node]
    return type(task) is Task or not ways_of(task).can_run or bool(task.can_run())


def run(task: Task[Any], debug: bool) -> Any:
    """Have the task run, and return its result, which has not been stored, unless the task has done so itself."""
    if type(task) is Task or not ways_of(task).run:
        return task.run(save=False, debug_mode=debug)
    import inspect

    wanted = inspect.signature(task.run).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in wanted.values())
    given = {"save": False, "debug_mode": debug}
    return task.run(**{name: value for name, value in given.items() if takes_all or name in wanted})


class GatedPlan(Plan):
    """A plan with nodes that say themselves whether they may run: those that say no are held back until the next look.

    Attributes
    ----------
    held : set of int
    """

    def __init__(self, graph: Graph, selected: Iterable[int] | None = None) -> None:
        super().__init__(graph, selected)
        self.held: set[int] = set()

    def take(self) -> int | None:
        while (node := super().take()) is not None and not may_run(self.graph, node):
            self._move(node, WAITING)
            self.held.add(node)
        return node

    def ask_again(self) -> None:
        for node in [node for node in self.held if self.missing[node] or may_run(self.graph, node)]:
            self.held.discard(node)
            if self.state[node] == WAITING:
                self.freed(node)

    def only_failures_left(self) -> bool:
        return not self.held and super().only_failures_left()
