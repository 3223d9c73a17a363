"""``jug status``: how many tasks of each name are in which state."""

from __future__ import annotations

from jug import task
from jug.cli.checks.old_hashes import results_of_other_versions
from jug.cli.command import SubCommand
from jug.cli.failure_list import failures_text
from jug.cli.old_calls import as_in_old_releases
from jug.cli.worker_list import workers_in_short, workers_table
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile, barrier_of
from jug.engine.status_cache.cache import DEFAULT_FILE, StatusCache
from jug.engine.views.status import State, Status
from jug.errors import EXIT_FAILED, EXIT_OK
from jug.io import task_table
from jug.words.config import Option, tell, warn
from jug.words.plain import plain_line
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options

# In the order of the columns.
HEADINGS = {
    State.FAILED: "Failed",
    State.ABANDONED: "Abandoned",
    State.WAITING: "Waiting",
    State.READY: "Ready",
    State.FINISHED: "Finished",
    State.CLAIMED: "Claimed",
    State.RUNNING: "Running",
}


# Their columns are there only if there are any.
_RARE = (State.FAILED, State.ABANDONED, State.CLAIMED)


class StatusCommand(SubCommand):
    """Print status"""

    name = "status"
    options = (
        Option(
            "cache",
            False,
            "Use a cache for faster status: the jugfile is run again only if it, or a module, file, directory, "
            "environment variable or result that it used has changed (not noticed is what it learns from other "
            "programs, the network, the clock)",
        ),
        Option(
            "cache-file",
            DEFAULT_FILE,
            "Name of file to use for status cache. Use with status --cache.",
            path="*",
        ),
        Option(
            "clear",
            False,
            "Remove the cache file first; with --cache, it is then made anew",
            dest="cache-clear",
        ),
        Option("workers", False, "Show who is at work, since when, and what everybody is running"),
        Option("failures", False, "Show which tasks failed: the call, the traceback, where and how often"),
    )

    def reads_jugfile(self, options: Options) -> bool:
        return not options.status_cache

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        cache = StatusCache(options.status_cache_file, warn)
        if options.status_cache_clear:
            cache.clear()
        if options.status_cache:
            jugfile = Jugfile(options.jugfile, options.user_args)
            graph, waits_for, store = cache.graph(jugfile, options.jugdir, store)
        else:
            barrier = barrier_of(jugspace)
            graph, waits_for = Graph(task.alltasks), str(barrier or "")
        status = Status(graph, store)
        more = f"The jugfile stops at a barrier ({plain_line(waits_for)}): there may be more tasks after it."
        text = [one_line(status) if options.short else table(status), *([more] if waits_for else ())]
        if not options.status_cache:
            text += filter(None, [results_of_other_versions(graph, status, store)])
        if options.status_workers:
            text.append(
                workers_in_short(status, store) if options.short else "\n" + workers_table(graph, status, store)
            )
        text = [(" " if options.short else "\n").join(text)]
        if options.status_failures:
            text.append(failures_text(graph, status, store, options.short))
        tell(options, ("\n" if options.short else "\n\n").join(text))
        return EXIT_OK if status.is_complete() and not waits_for else EXIT_FAILED


def table(status: Status) -> str:
    """One line per caption of tasks; the columns of rare states are there only if there are such tasks."""
    rows, counts = status.by_name(), status.counts()
    states = [state for state in HEADINGS if state not in _RARE or counts[state]]
    return task_table((HEADINGS[state], {name: row[state] for name, row in rows.items()}) for state in states)


def one_line(status: Status) -> str:
    """The totals as a sentence."""
    counts = status.counts()
    if status.is_complete():
        return f"All tasks complete ({number_of(counts[State.FINISHED], 'task')})."
    to_run = counts[State.WAITING] + counts[State.READY] + counts[State.ABANDONED]
    active = f"{counts[State.RUNNING]} active" if counts[State.RUNNING] else "none active"
    if counts[State.CLAIMED]:
        active += f", {counts[State.CLAIMED]} claimed"
    if counts[State.ABANDONED]:
        active += f", {counts[State.ABANDONED]} abandoned"
    return (
        f"{number_of(to_run, 'task')} waiting to be run, {counts[State.FAILED]} failed, "
        f"{counts[State.FINISHED]} complete, ({active})."
    )


__getattr__ = as_in_old_releases(__name__, "status")
