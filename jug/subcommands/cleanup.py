"""``jug cleanup``: remove results that no task of the jugfile has, and locks that nobody holds any more."""

from __future__ import annotations

import time

from .. import task
from ..config import Option
from ..engine.graph import Graph
from ..engine.jugfile import barrier_of
from ..engine.removal import Cleanup
from ..errors import UsageError
from .command import SubCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..backends.base import LockDetails
    from ..config import Options


class CleanupCommand(SubCommand):
    """Cleanup: remove result files that are not used

    By default, all locks are removed as well, those of workers that are running included (see --keep-locks).
    """

    name = "cleanup"
    options = (
        Option("locks-only", False, "Cleanup locks leaving computed results untouched", exclusive="what"),
        Option(
            "failed-only",
            False,
            "Cleanup failed locks and the records of failures, leaving computed results and active locks untouched",
            exclusive="what",
        ),
        Option("keep-locks", False, "Cleanup unused results leaving locks untouched", exclusive="what"),
        Option("dry-run", False, "Only say what would go; nothing is removed"),
    )

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        if not (options.cleanup_failed_only or options.cleanup_locks_only):
            _refuse_barrier(options, jugspace)
        foreign = store.foreign() if hasattr(store, "foreign") else ()
        graph = Graph(task.alltasks)
        plan = _plan(options, graph, store)
        if options.cleanup_dry_run:
            _tell(plan, options)
        else:
            _remove(plan, graph, store, options)
        if foreign and not options.short:
            print(_left_alone(foreign))
        return 0


def _remove(plan: Cleanup, graph: Graph, store: Any, options: Options) -> None:
    records = store.remove_failures(plan.records)
    if options.cleanup_failed_only:
        print(f"Removed {sum(store.remove_lock(name, failed_only=True) for name in plan.locks)} failed locks")
    else:
        if not options.cleanup_locks_only:
            print(f"Removed {store.cleanup(graph.tasks, keeplocks=True)} objects")
        if not options.cleanup_keep_locks:
            print(f"Removed {store.remove_locks()} locks")
    _print_records("Removed", records)


def _refuse_barrier(options: Options, jugspace: Mapping[str, Any]) -> None:
    barrier = barrier_of(jugspace)
    if barrier is not None:
        raise UsageError(
            f"the jugfile {options.jugfile!r} stops at a barrier ({barrier}), so which results are used after "
            "it is not known: nothing was removed (finish with 'jug execute' first, or use --locks-only or "
            "--failed-only)"
        )


def _plan(options: Options, graph: Graph, store: Any) -> Cleanup:
    plan = Cleanup(graph, store)
    if options.cleanup_failed_only:
        return plan.add_locks(failed_only=True)
    if options.cleanup_locks_only:
        return plan.add_locks()
    plan.add_unused(options.cleanup_keep_locks)
    return plan if options.cleanup_keep_locks else plan.add_locks()


def _tell(plan: Cleanup, options: Options) -> None:
    """What would go, in as many lines as there are kinds of it and holders of locks."""
    has_results = not (options.cleanup_failed_only or options.cleanup_locks_only)
    if has_results:
        whose = f" that no task of {options.jugfile!r} has; {plan.kept} would stay" if not options.short else ""
        print(f"Would remove {len(plan.results)} objects{whose}")
    if not options.cleanup_keep_locks:
        failed = "failed locks" if options.cleanup_failed_only else "locks"
        print(f"Would remove {len(plan.locks)} {failed}")
        if not options.short:
            for name, lock, count in plan.holders():
                print(f"    {name or '(no task of the jugfile)'}: {_in_words(lock, count)}")
    _print_records("Would remove", len(plan.records))
    print("Dry run: nothing was removed.")


def _left_alone(foreign: Sequence[str]) -> str:
    first = ascii(foreign[0])  # whatever is in the name, it is one line
    if len(foreign) == 1:
        return f"Left alone: 1 file or folder that is not jug's ({first})"
    return f"Left alone: {len(foreign)} files and folders that are not jug's (the first is {first})"


def _in_words(lock: LockDetails, count: int) -> str:
    """The state of a lock, who holds it and since when; for several of the same holder, since the first of them."""
    words = ["failed" if lock.failed else "held"]
    if count > 1:
        words.insert(0, f"{count} locks")
    if lock.host or lock.pid:
        words.append(f"process {lock.pid or '?'} on {lock.host or '?'}")
    if lock.since is not None:
        words.append(time.strftime("since %Y-%m-%d %H:%M:%S", time.localtime(lock.since)))
    return ", ".join(words)


def _print_records(verb: str, number: int) -> None:
    if number:
        print(f"{verb} {number} record{'s' * (number > 1)} of failures")
