"""``jug sleep-until``: return when everything is finished, barriers included."""

from __future__ import annotations

import time

from jug import task
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile, barrier_of
from jug.engine.overrides.differences import store_of
from jug.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 12.0  # seconds


class SleepUntilCommand(SubCommand):
    """Wait until all tasks are done, then exit."""

    name = "sleep-until"

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        jugfile = Jugfile(options.jugfile, options.user_args)
        while True:
            barrier = barrier_of(jugspace)
            graph = Graph(task.alltasks)
            everything = frozenset(graph.index)
            wait_for(store_of(graph, store), barrier.needs or everything if barrier else everything)
            if barrier is None:
                return EXIT_OK
            jugspace = jugfile.load()


def wait_for(store: Any, needed: frozenset[bytes]) -> None:
    """Return when all results `needed` are in the store."""
    missing = set(needed)
    listing = store.listing()
    pause = SHORTEST_PAUSE
    while True:
        appeared, vanished = listing.refresh()
        missing -= appeared
        missing |= vanished & needed
        if not missing:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


__getattr__ = as_in_old_releases(__name__, "sleep-until")
