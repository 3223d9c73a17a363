"""``jug invalidate``: remove results, and all that was computed from them.

What is going to go is shown first; where that cannot be shown, nothing goes.
"""

from __future__ import annotations

import sys

from jug import task
from jug.cli import terminal
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.cli.selection import no_match, selection_from, selection_options
from jug.cli.worker_list import who_is
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import barrier_of
from jug.engine.views.removal import Invalidation
from jug.errors import EXIT_FAILED, EXIT_OK, JugError, OutputError
from jug.io import task_table
from jug.task_parts.naming import caption_of
from jug.words.config import Option, tell
from jug.words.plain import plain
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options

_MOST_NAMED = 3


class InvalidateCommand(SubCommand):
    """Invalidate the results of tasks, and all results that depend on them

    A table of what goes is printed before anything is removed. One of --name and --pattern is required.
    """

    name = "invalidate"
    section = "invalid"
    options = (
        *selection_options("Invalidate", required=True),
        Option("dry-run", False, "Only say what would go, with all that depends on it; nothing is removed"),
    )

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        graph = Graph(task.alltasks)
        selection = selection_from(options, "invalid")
        chosen = graph.selected(selection)
        misses = selection is not None and selection.misses()
        plan = Invalidation(graph, store, () if misses else chosen)
        if selection is not None and misses:
            tell(options, f"{no_match(selection, map(caption_of, graph.tasks))}: nothing was invalidated.")
        elif options.invalid_dry_run and plan:
            show(plan, options)
            tell(options, "Dry run: nothing was removed.")
        elif not plan:
            if not options.invalid_dry_run:
                plan.remove()  # what is known of failures
            tell(options, "No results invalidated.")
        else:
            show_and_remove(plan, options)
        barrier = barrier_of(jugspace)
        if barrier is not None:
            unknown = "results of tasks after it, if there are any, were kept"
            tell(options, f"The jugfile stops at a barrier ({barrier}): {unknown}.")
        return EXIT_FAILED if misses else EXIT_OK


def show(plan: Invalidation, options: Options) -> None:
    """Print what is going to go; returns when it has been written.

    Raises
    ------
    OutputError, BrokenPipeError
        It cannot be written.
    """
    selected, dependent = sum(plan.selected.values()), sum(plan.dependent.values())
    try:
        if getattr(options, "short", False):
            what = f"{selected} selected, {number_of(dependent, 'that depends', 'that depend')} on these"
            tell(options, f"{_results(len(plan))} to invalidate: {what}.")
        else:
            tell(options, task_table([("Selected", plan.selected), ("Dependent", plan.dependent)]))
        if plan.running:
            tell(options, _who_runs_them(plan))
        terminal.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"Cannot write to standard output: {error.strerror}") from error


def _who_runs_them(plan: Invalidation) -> str:
    """What this command does not touch: workers, and what they make of the code and the values that they have."""
    number = len(plan.running)
    running = "One of these tasks is" if number == 1 else number_of(number, "of these tasks is", "of these tasks are")
    by = sorted({who_is(lock) for lock in plan.running if lock.host})
    more = f" and {len(by) - _MOST_NAMED} more" if len(by) > _MOST_NAMED else ""
    who = f", by {', '.join(by[:_MOST_NAMED])}{more}" if by else ""
    return f"{running} running now{who}: a result that is stored later is not removed."


def show_and_remove(plan: Invalidation, options: Options) -> int:
    """Show what is going to go, and remove it; returns how many results there were.

    Whatever comes in between, it is said how many of them are gone.
    """
    try:
        show(plan, options)
    except BaseException:
        _say("nothing was removed")
        raise
    try:
        removed = plan.remove()
    except JugError as error:
        error.args = (f"{error} ({_so_far(plan)})",)
        raise
    except BaseException:
        _say(_so_far(plan))
        raise
    tell(options, f"{_results(removed)} invalidated.")
    return removed


def _so_far(plan: Invalidation) -> str:
    """How much is gone of what was to go, after something came in between."""
    try:
        left = plan.left()
    except JugError:
        return f"not all of {_results(len(plan))} may have been removed: the same command removes the rest"
    gone = max(len(plan) - left, 0)
    return f"{gone} of {_results(len(plan))} were removed" + (": the same command removes the rest" if left else "")


def _say(message: str) -> None:
    try:
        print(f"jug: {message[0].upper()}{plain(message[1:])}", file=sys.stderr, flush=True)
    except OSError:
        pass


def _results(number: int) -> str:
    return number_of(number, "result")


__getattr__ = as_in_old_releases(__name__, "invalidate")
