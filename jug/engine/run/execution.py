"""Executing a jugfile to its end: pass after pass, as long as barriers open.

One pass reads the jugfile, makes the graph of its tasks and lets a scheduler run them. If the jugfile stopped at a
barrier, and what that barrier needs is there (or anything new is), there is another pass.
"""

from __future__ import annotations

from jug import task
from jug.engine.graph import Graph
from jug.engine.loading.healing import load_mending
from jug.engine.loading.jugfile import barrier_of
from jug.engine.loading.stores import current_store
from jug.errors import StoreError

from .failures import Failures
from .outcome import Ending, Outcome
from .scheduler import Scheduler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from jug.backends.base import base_store
    from jug.engine.loading.jugfile import Jugfile
    from jug.engine.reporter import Reporter
    from jug.task import Task

    from .settings import Settings, World

# The results that a barrier waits for may come between reading the jugfile and looking at the store; hardly ever twice.
_MOST_IDLE_PASSES = 3


class Execution:
    """One worker's share in executing a jugfile.

    Parameters
    ----------
    jugfile : Jugfile
    store : base_store
        Used unless the jugfile chooses another.
    settings : Settings
    reporter : Reporter
    selects : callable, optional
        Tells by a task's name whether this worker is to run it.
    world : World, optional
    """

    def __init__(
        self,
        jugfile: Jugfile,
        store: base_store,
        settings: Settings,
        reporter: Reporter,
        selects: Callable[[str], bool] | None = None,
        world: World | None = None,
    ) -> None:
        self._jugfile = jugfile
        self._store = store
        self._settings = settings
        self._reporter = reporter
        self._selects = selects
        self._world = world
        self._failures: list[Task[Any]] = []
        self._finished: set[bytes] = set()
        self._remembered: Failures | None = None

    def run(self, jugspace: Mapping[str, Any]) -> Outcome:
        """Execute, starting with the jugfile as it has just been read."""
        outcome = self._passes(jugspace)
        if outcome.ending is Ending.COMPLETE:
            self._clear_up()
        return outcome

    def _passes(self, jugspace: Mapping[str, Any]) -> Outcome:
        idle_passes = 0
        while True:
            known = len(self._finished)
            outcome = self._one_pass(jugspace)
            self._failures.extend(outcome.failures)
            outcome.failures = self._failures
            # A jugfile that removes results whenever it is read has the same tasks run for ever.
            idle_passes = 0 if len(self._finished) > known else idle_passes + 1
            if not self._wants_another(jugspace, outcome):
                return outcome
            if idle_passes > _MOST_IDLE_PASSES:
                outcome.ending = Ending.GAVE_UP
                outcome.reason = (
                    "The jugfile stops at a barrier, although the results that it needs are there (unless it removes "
                    "them itself, whenever it is read)."
                )
                return outcome
            jugspace = load_mending(self._jugfile, self._reporter)

    def _one_pass(self, jugspace: Mapping[str, Any]) -> Outcome:
        graph = Graph(task.alltasks)
        selected = graph.selected(self._selects)
        store = current_store(self._store)
        scheduler = Scheduler(graph, store, self._settings, self._reporter, selected, self._world)
        if self._remembered is None or self._remembered.store is not store:
            self._remembered = Failures(store)
        scheduler.remembered = self._remembered
        scheduler.failed_before = [failed.hash() for failed in self._failures]
        scheduler.known_before = self._finished
        barrier = barrier_of(jugspace)
        if barrier is not None:
            scheduler.reload_when = barrier.needs or {graph.hash(node) for node in range(graph.listed)}
        outcome = scheduler.run()
        if barrier is not None or self._failures:
            self._finished |= scheduler.finished()
            self._failures = [failed for failed in self._failures if failed.hash() not in self._finished]
        return outcome

    def _clear_up(self) -> None:
        """Remove what the dead have left: nobody will ask any more for their locks."""
        try:
            current_store(self._store).remove_abandoned(failed=False)
        except StoreError:
            pass  # all is complete, even where nothing can be removed

    def _wants_another(self, jugspace: Mapping[str, Any], outcome: Outcome) -> bool:
        if barrier_of(jugspace) is None:
            return False
        goes_on = outcome.ending is Ending.FAILED and outcome.progress and self._settings.keep_going
        return outcome.ending is Ending.RELOAD or goes_on
