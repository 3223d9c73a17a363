"""``jug cleanup``: remove results that no task of the jugfile has, and locks that nobody holds any more.

It can be done at any time: what a worker may be at work at stays, unless it is asked for.
"""

from __future__ import annotations

from jug import task
from jug.cli import terminal
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import barrier_of
from jug.engine.overrides.differences import store_of
from jug.engine.views.removal import Cleanup
from jug.errors import JugError, UsageError
from jug.words.config import Option, tell
from jug.words.plain import plain_line
from jug.words.short import local_time, number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from jug.backends.base import LockDetails
    from jug.words.config import Options


class NotAgreedError(JugError):
    """Somebody was asked, and did not agree."""


class CleanupCommand(SubCommand):
    """Cleanup: remove result files that are not used

    Locks that failed tasks have kept, or that were left behind by workers that are gone, are removed as well. What a
    worker may be at work at stays.
    """

    name = "cleanup"
    options = (
        Option(
            "locks-only",
            False,
            "Cleanup locks that nobody holds any more, leaving computed results untouched",
            exclusive="what",
        ),
        Option(
            "failed-only",
            False,
            "Cleanup failed locks and the records of failures, leaving computed results and active locks untouched",
            exclusive="what",
        ),
        Option("keep-locks", False, "Cleanup unused results leaving locks untouched", exclusive="what"),
        Option(
            "force",
            False,
            "Cleanup all locks, those of workers that may be alive included; who they are is said",
        ),
        Option("yes", False, "Do not ask, at a terminal, whether more than half of the results are to be removed"),
        Option("dry-run", False, "Only say what would go; nothing is removed"),
    )

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        if options.cleanup_force and (options.cleanup_failed_only or options.cleanup_keep_locks):
            other = "--failed-only" if options.cleanup_failed_only else "--keep-locks"
            raise UsageError(f"--force is for locks that somebody may hold, which {other} leaves alone")
        if not (options.cleanup_failed_only or options.cleanup_locks_only):
            _refuse_barrier(options, jugspace)
        foreign = store.foreign() if hasattr(store, "foreign") else ()
        graph = Graph(task.alltasks)
        store = store_of(graph, store)
        plan = _plan(options, graph, store)
        if options.cleanup_dry_run:
            _tell(plan, options)
        else:
            if _asks(plan, options):
                plan = _plan(options, graph, store)  # others have worked while somebody was thinking
            _remove(plan, graph, store, options)
        if foreign and not options.short:
            tell(options, _left_alone(foreign))
        return 0


def _asks(plan: Cleanup, options: Options) -> bool:
    """At a terminal, say which results go; True if somebody had to agree: whoever loses more than half of them.

    Raises
    ------
    NotAgreedError
    """
    going, there = len(plan.results), len(plan.results) + plan.kept
    if not going or not terminal.is_answered(options):
        return False  # programs read what is printed, as they have done since 2.7
    if not options.short:
        goes, it = number_of(going, "result goes", "results go"), "it" if going == 1 else "them"
        stay = number_of(plan.kept, "stays", "stay")
        tell(options, f"{goes}, since no task of {options.jugfile!r} has {it}; {stay}.")
    if options.cleanup_yes or 2 * going <= there:
        return False
    if not terminal.agrees(f"Remove {going} of {number_of(there, 'result')}?"):
        raise NotAgreedError("Nothing was removed, since nobody said yes (with --yes, nobody is asked)")
    return True


def _remove(plan: Cleanup, graph: Graph, store: Any, options: Options) -> None:
    records = store.remove_failures(plan.records)
    if options.cleanup_failed_only:
        removed = sum(store.remove_lock(name, failed_only=True) for name in plan.locks)
        tell(options, f"Removed {number_of(removed, 'failed lock')}")
    else:
        if not options.cleanup_locks_only:
            removed = store.cleanup([*graph.tasks, *plan.held], keeplocks=True)
            tell(options, f"Removed {number_of(removed, 'object')}")
        if not options.cleanup_keep_locks:
            if options.cleanup_force:
                _tell_of_held(plan, options)
            removed = store.remove_abandoned() + (store.remove_locks() if options.cleanup_force else 0)
            tell(options, f"Removed {number_of(removed, 'lock')}")
    _tell_of_records(options, "Removed", records)
    if _leaves_held_locks(options):
        _tell_of_held(plan, options)


def _leaves_held_locks(options: Options) -> bool:
    return not (options.cleanup_keep_locks or options.cleanup_failed_only or options.cleanup_force)


def _tell_of_held(plan: Cleanup, options: Options) -> None:
    """Of locks that somebody may hold, who that is, and what becomes of them."""
    if not plan.held:
        return
    locks = f"{number_of(len(plan.held), 'lock')} that may be in use"
    if options.cleanup_force:
        would = "Would take" if options.cleanup_dry_run else "Taking"
        tell(options, f"{would} away {locks}: a worker that is alive goes on, and its task may be run twice")
    else:
        tell(options, f"Left alone: {locks} ('jug status --workers' shows who is alive, --force takes them away)")
    if not options.short:
        _tell_of_holders(options, plan, plan.held)


def _tell_of_holders(options: Options, plan: Cleanup, names: Collection[bytes]) -> None:
    for name, lock, count in plan.holders(names):
        tell(options, plain_line(f"    {name or '(no task of the jugfile)'}: {_in_words(lock, count)}"))


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
    if not options.cleanup_locks_only:
        plan.add_unused(options.cleanup_keep_locks)
    return plan if options.cleanup_keep_locks else plan.add_locks(force=options.cleanup_force)


def _tell(plan: Cleanup, options: Options) -> None:
    """What would go, in as many lines as there are kinds of it and holders of locks."""
    has_results = not (options.cleanup_failed_only or options.cleanup_locks_only)
    if has_results:
        whose = f" that no task of {options.jugfile!r} has; {plan.kept} would stay" if not options.short else ""
        tell(options, f"Would remove {number_of(len(plan.results), 'object')}{whose}")
    if options.cleanup_force:
        _tell_of_held(plan, options)
    if not options.cleanup_keep_locks:
        lock = "failed lock" if options.cleanup_failed_only else "lock"
        tell(options, f"Would remove {number_of(len(plan.locks), lock)}")
        if not options.short:
            held = frozenset(plan.held)
            _tell_of_holders(options, plan, [name for name in plan.locks if name not in held])
    _tell_of_records(options, "Would remove", len(plan.records))
    if _leaves_held_locks(options):
        _tell_of_held(plan, options)
    tell(options, "Dry run: nothing was removed.")


def _left_alone(foreign: Sequence[str]) -> str:
    first = ascii(foreign[0])  # whatever is in the name, it is one line
    if len(foreign) == 1:
        return f"Left alone: 1 file or folder that is not jug's ({first})"
    many = number_of(len(foreign), "file or folder", "files and folders")
    return f"Left alone: {many} that are not jug's (the first is {first})"


def _in_words(lock: LockDetails, count: int) -> str:
    """The state of a lock, who holds it and since when; for several of the same holder, since the first of them."""
    words = ["failed" if lock.failed else "abandoned" if lock.abandoned else "held"]
    if count > 1:
        words.insert(0, number_of(count, "lock"))
    if lock.host or lock.pid:
        words.append(f"process {lock.pid or '?'} on {lock.host or '?'}")
    if lock.since is not None:
        words.append(f"since {local_time(lock.since)}")
    return ", ".join(words)


def _tell_of_records(options: Options, verb: str, number: int) -> None:
    if number:
        tell(options, f"{verb} {number_of(number, 'record of failures', 'records of failures')}")


__getattr__ = as_in_old_releases(__name__, "cleanup")
