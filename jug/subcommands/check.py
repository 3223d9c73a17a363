"""``jug check``: is all finished? And other questions: will results be found again, are they what was written?"""

from __future__ import annotations

from contextlib import suppress

from jug import task
from jug.cli.checks import rereading, verifying
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile, barrier_of
from jug.engine.views.status import Status
from jug.errors import EXIT_FAILED, EXIT_OK
from jug.hashcheck.arguments import ADVICE, Guard, Unstable, WatchedTasks
from jug.hashcheck.roundtrip import UNHASHABLE
from jug.hashcheck.version_notes import note
from jug.task_parts.naming import caption_of
from jug.words.config import Option, tell
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from jug.barrier import BarrierError
    from jug.words.config import Options


class CheckCommand(SubCommand):
    """Returns 0 if all tasks are finished. 1 otherwise."""

    name = "check"
    options = (
        Option(
            "hashes",
            False,
            "Check that the hashes of all tasks are the same each time, instead of whether the tasks are finished: "
            "arguments are hashed again after they were pickled and read back, and the jugfile is read a second time "
            "by another process. Returns 0 if no hash changes, 1 otherwise",
            exclusive="what",
        ),
        Option(
            "verify",
            False,
            "Read the results of all tasks, instead of asking whether they are there: is each what was written, by its "
            "checksum and, with --sign-key, its signature? Nothing is unpickled or changed. Returns 0 if all are, 1 if "
            "one is damaged",
            exclusive="what",
        ),
        Option(
            "sign",
            False,
            "Sign all results in the folder that are whole, with the key of --sign-key: you say that you trust them. "
            "Nothing is unpickled, and the jugfile is not read. Best done while no worker is running",
            exclusive="what",
        ),
    )

    def reads_jugfile(self, options: Options) -> bool:
        return not (options.check_hashes or options.check_sign)

    def judges(self, options: Options) -> bool:
        return bool(options.check_verify or options.check_sign)

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        if options.check_hashes:
            return check_hashes(options)
        if options.check_sign:
            return verifying.sign(options, store)
        if options.check_verify:
            code = verifying.verify(options, store)
            say_barrier(options, barrier_of(jugspace))
            return code
        return EXIT_OK if is_complete(store, jugspace) else EXIT_FAILED


def is_complete(store: Any, jugspace: Mapping[str, Any]) -> bool:
    """Whether the jugfile was read to its end and all its tasks are finished."""
    return barrier_of(jugspace) is None and Status(Graph(task.alltasks), store).is_complete()


def check_hashes(options: Options) -> int:
    """Read the jugfile twice, and say which hashes change."""
    namesakes: list[str] = []
    tasks = task.alltasks = WatchedTasks(namesakes=namesakes)
    barrier = barrier_of(Jugfile(options.jugfile, options.user_args).load())
    _hash_all(tasks)
    findings = Findings(tasks)
    lines = [f"{line}." for line in findings.lines()]
    # A task without a hash cannot be compared, and there is enough to do.
    differs = "" if findings.has_unhashable else rereading.difference(options, tasks, barrier is None)
    if findings.unstable:
        lines.append(f"{ADVICE}.")
    if differs:
        lines.append(differs)
    lines += [f"{line}." for line in namesakes]
    is_stable = not (findings.unstable or differs or namesakes)
    if not options.short and lines:
        tell(options, "\n".join(lines))
    problems = [f"{findings.unstable} with arguments whose hash changes"] if findings.unstable else []
    problems += ["not the same in a second reading"] if differs else []
    if namesakes:
        problems.append(number_of(len(namesakes), "name that two functions have", "names that two functions have"))
    tell(options, f"{number_of(len(tasks), 'task')}: {', '.join(problems) or 'no hash changes'}.")
    say_barrier(options, barrier)
    return EXIT_OK if is_stable else EXIT_FAILED


def _hash_all(tasks: Iterable[task.Task[Any]]) -> None:
    """Before anything is told of their arguments: some objects have another hash once they were looked at."""
    for one in tasks:
        with suppress(Exception):  # that it has no hash is found, and told, later
            one.hash()


def say_barrier(options: Options, barrier: BarrierError | None) -> None:
    """That not all of the jugfile was read, if so."""
    if barrier is not None:
        after = "tasks after it, if there are any, were not checked"
        tell(options, f"The jugfile stops at a barrier ({barrier}): {after}.")


class Findings:
    """What is unstable in `tasks`: one line for each kind of it, however many tasks have it.

    Attributes
    ----------
    unstable : int
        How many tasks have an argument whose hash changes, other than harmlessly.
    has_unhashable : bool
        Whether there is an argument that has no hash at all.
    """

    def __init__(self, tasks: WatchedTasks) -> None:
        self.unstable = 0
        self.has_unhashable = False
        self._kinds: dict[tuple[Any, ...], tuple[Unstable, dict[int, None]]] = {}
        guard = Guard(also=note)
        for number, checked in enumerate(tasks):
            found = tasks.changed(checked) + guard.unstable(checked)
            self.unstable += any(not one.is_harmless for one in found)
            for one in found:
                self._add(caption_of(checked), number, one)

    def _add(self, name: str, number: int, one: Unstable) -> None:
        reason = one.reason.partition(":")[0]  # more may be said of the single object, such as its address
        self.has_unhashable |= reason == UNHASHABLE
        key = (one.is_harmless, name, one.kind_of_place, one.type, reason)
        self._kinds.setdefault(key, (one, {}))[1][number] = None

    def lines(self) -> list[str]:
        """What is unstable first, then what is so harmlessly; of each kind the first one in full."""
        lines = []
        for (is_harmless, name, *_), (first, tasks) in sorted(self._kinds.items(), key=_harmless_last):
            count = f" ({number_of(len(tasks), 'task')}, this is the first)" if len(tasks) > 1 else ""
            note = "Only a note: " if is_harmless else ""
            lines.append(f"{note}{name}: {first}{count}")
        return lines


def _harmless_last(kind: tuple[tuple[Any, ...], Any]) -> bool:
    return bool(kind[0][0])


__getattr__ = as_in_old_releases(__name__, "check", "sleep-until")
