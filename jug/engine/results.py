"""What becomes of results: stored at once, or after a wait in which those of other short tasks join them.

To make a result durable takes longer than a short task, and about as long for many results as for one. So the store may
have a result wait (:meth:`~jug.backends.base.base_store.dump_soon`): for some hundredths of a second at most, and only
while tasks follow that are expected to be short, as those of the same name were. Before one that may take long, before
the worker looks at the store or pauses, and at its end, what waits is stored. Only then it is told that a task was
executed. (If a task turns out to be long, others do not wait for its end: see :mod:`jug.backends.rescue`.)
"""

from __future__ import annotations

from .commit import commit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..backends.base import base_lock, base_store
    from .graph import Graph
    from .reporter import Reporter

#: Seconds that a short task takes, at most.
SHORT = 0.01
#: Seconds that a result waits.
LONGEST = 0.04


class Results:
    """The results of one worker, by node of `graph`; `clock` tells seconds; `groups`: whether any may wait."""

    def __init__(
        self, graph: Graph, store: base_store, reporter: Reporter, clock: Callable[[], float], groups: bool = True
    ) -> None:
        self._graph = graph
        self._store = store
        self._reporter = reporter
        self._clock = clock
        self._groups = groups
        #: By name of tasks, how many seconds the last one took, if it was short (and results may wait).
        self.short: dict[str, float] = {}
        self._waiting: list[tuple[int, float]] = []  # nodes, and how long each took
        self._since = 0.0

    def store(self, node: int, result: Any, seconds: float, lock: base_lock) -> bool:
        """Store the result, for which the function took so long; True if it waits, and the store has the lock."""
        task = self._graph.tasks[node]
        is_short = self._groups and seconds < SHORT
        if is_short:
            self.short[task.name] = seconds
        else:
            self.short.pop(task.name, None)
        is_stored = commit(self._store, task, result, lock, soon=is_short)
        if is_stored is None:
            if not self._waiting:
                self._since = self._clock()
            self._waiting.append((node, seconds))
        else:
            self._tell(node, seconds, is_overtaken=not is_stored)
        return is_stored is None

    def before(self, node: int) -> None:
        """The node is about to be run: store what would have to wait for it, if it may take long."""
        if self._waiting and self._graph.tasks[node].name not in self.short:
            self.flush()

    def after(self, now: bool) -> None:
        """A node was run: store what waits if it has done so for long enough, or if it is wanted `now`."""
        if self._waiting and (now or self._clock() - self._since >= LONGEST):
            self.flush()

    def flush(self) -> None:
        """Store what waits."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            overtaken = self._store.flush()
            for node, seconds in waiting:
                self._tell(node, seconds, self._graph.hash(node) in overtaken)

    def _tell(self, node: int, seconds: float, is_overtaken: bool) -> None:
        """A result is there, for good: ours, or that of another worker who has run the task, too."""
        task = self._graph.tasks[node]
        if is_overtaken:
            self._reporter.overtaken(task)
            task.unload()
        self._reporter.executed(task, seconds)
