"""``jug invalidate``: remove results, and all that was computed from them."""

from __future__ import annotations

from .. import task
from ..engine.graph import Graph
from ..engine.jugfile import barrier_of
from ..io import task_table
from .command import SubCommand
from .selection import selection_from, selection_in_words, selection_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..config import Options


class InvalidateCommand(SubCommand):
    """Invalidate the results of a task

    Everything that depends on a selected task, directly or not, is invalidated with it.
    """

    name = "invalidate"
    section = "invalid"
    options = selection_options("Invalidate", required=True)

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        graph = Graph(task.alltasks)
        chosen = graph.selected(selection_from(options, "invalid"))
        # Dependents first: whoever looks in between never sees a result without those that it was computed from.
        names = {graph.hash(node): graph.tasks[node].name for node in graph.downstream(chosen)}
        counts: dict[str, int] = {}
        for removed in store.remove_many(list(names)):
            counts[names[removed]] = counts.get(names[removed], 0) + 1
        if not chosen:
            print(f"No task matches {selection_in_words(options, 'invalid')}: nothing was invalidated.")
        elif not counts:
            print("No results invalidated.")
        elif options.short:
            print(f"{sum(counts.values())} results invalidated.")
        else:
            print(task_table([("Invalidated", counts)]))
        barrier = barrier_of(jugspace)
        if barrier is not None:
            unknown = "results of tasks after it, if there are any, were kept"
            print(f"The jugfile stops at a barrier ({barrier}): {unknown}.")
        return 0
