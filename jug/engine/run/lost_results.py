"""Results that the store lists, but that cannot be loaded: gone meanwhile, or damaged.

The task that needs one is not at fault. The result is computed again, a damaged one after it was set aside; but not
for ever.
"""

from __future__ import annotations

from collections import Counter

from jug.engine.call.memory import Vanished
from jug.errors import DamagedResultError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.backends.base import base_store
    from jug.engine.graph import Graph
    from jug.engine.reporter import Reporter

# So often, then the task that needs it fails.
_MOST = 3


class Losses:
    """What was lost while the tasks of `graph` were run."""

    def __init__(self, graph: Graph, store: base_store, reporter: Reporter) -> None:
        self._graph = graph
        self._store = store
        self._reporter = reporter
        self._count: Counter[int] = Counter()  # by the node that needs what was lost
        self._names: set[bytes] = set()

    def lost(self, node: int, error: BaseException) -> int | None:
        """The node whose result is to be computed again, since `node` could not be run for want of it.

        None if it was not for this, or too often: then the error is a failure of `node`.
        """
        lost = self._lost_by(error)
        if lost is None:
            return None
        self._count[node] += 1
        if self._count[node] > _MOST:
            return None
        if not isinstance(error, DamagedResultError) or self._set_aside(lost, error):
            self._names.add(self._graph.hash(lost))
        return lost

    def take(self) -> set[bytes]:
        """The names of what was lost since this was called last."""
        names, self._names = self._names, set()
        return names

    def _lost_by(self, error: BaseException) -> int | None:
        if isinstance(error, Vanished):
            return error.node
        if isinstance(error, DamagedResultError) and error.name is not None:
            return self._graph.index.get(error.name)
        return None

    def _set_aside(self, node: int, error: DamagedResultError) -> bool:
        """False if somebody is dealing with the task; if not with this, we come back to it when its lock is free."""
        name = self._graph.hash(node)
        lock = self._store.getlock(name)
        if not lock.get():
            return False
        try:
            place = self._store.set_aside(name)
        finally:
            lock.release()
        if place is not None:
            self._reporter.damaged(self._graph.tasks[node], error, place)
        return True
