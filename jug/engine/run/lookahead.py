"""Which tasks a worker is about to run, as far as it can be expected that all of them take a moment only.

A store that can take several locks for less (:meth:`~jug.backends.base.base_store.foresee`) takes theirs together.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import inf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jug.backends.base import base_store

    from .plan import Plan

#: Tasks, beside the first.
MOST = 15
#: Seconds that all of them may take.
MOMENT = 0.002


class Lookahead:
    """Tells what follows a task. `seconds`: by name of tasks, how long the last one took; `knows`: what is finished."""

    def __init__(self, plan: Plan, seconds: Mapping[str, float], knows: Callable[[bytes], bool]) -> None:
        self._plan = plan
        self._seconds = seconds
        self._knows = knows

    @contextmanager
    def told_to(self, store: base_store) -> Iterator[None]:
        """The store knows what follows, until the end of the block."""
        store.foresee(self)
        try:
            yield
        finally:
            store.foresee(None)

    def __call__(self, name: bytes) -> list[bytes]:
        """The names of the tasks that are to be run right after that of `name`; none if that is not one of them."""
        graph = self._plan.graph
        left = MOMENT - self._expected(graph.index[name]) if name in graph.index else 0
        names: list[bytes] = []
        for node in self._plan.upcoming(MOST) if left > 0 else ():
            left -= self._expected(node)
            if left < 0:
                break
            if not self._knows(graph.hash(node)):
                names.append(graph.hash(node))
        return names

    def _expected(self, node: int) -> float:
        return self._seconds.get(self._plan.graph.tasks[node].name, inf)
