"""How the work of a worker ended, and the one sentence and the exit status that say so."""

from __future__ import annotations

from enum import Enum

from jug.errors import EXIT_FAILED, EXIT_OK, EXIT_WORK_LEFT, StopWorker
from jug.task_parts.naming import caption_of
from jug.words.plain import plain_line
from jug.words.short import local_time, number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.backends.base import LockDetails
    from jug.task import Task


# The attribute of an exception that the user knows of.
_TOLD = "__jug_told__"


class Ending(Enum):
    """Why a worker stopped."""

    COMPLETE = "All that was selected is finished."
    FAILED = "A task failed, and nothing that does not need it can be run."
    RELOAD = "What the jugfile stopped for is there: there may be more tasks now."
    GAVE_UP = "Nothing happened for as long as this worker was to wait."
    STOPPED = "A hook asked it to stop."


class Outcome:
    """The end of one pass over a graph.

    Attributes
    ----------
    ending : Ending
    reason : str
        More about the ending (what asked to stop, how long it waited).
    failures : list of Task
        Tasks that failed in this worker.
    left : dict
        How many selected tasks are ``running`` elsewhere, ``ready``, ``waiting`` and ``failed``.
    progress : bool
        Whether any task was found or made finished.
    elsewhere : list of Task
        Tasks that failed in other workers of this run.
    holders : list of LockDetails
        Who has the locks of the tasks that are running elsewhere.
    cause : BaseException, optional
        What ended the worker: a StopWorker of a hook, or what a task raised if it was not to go on.
    """

    def __init__(
        self, ending: Ending, reason: str, failures: list[Task[Any]], left: dict[str, int], progress: bool
    ) -> None:
        self.ending = ending
        self.reason = reason
        self.failures = failures
        self.left = left
        self.progress = progress
        self.elsewhere: list[Task[Any]] = []
        self.holders: list[LockDetails] = []
        self.cause: BaseException | None = None

    @property
    def exit_code(self) -> int:
        """What a hook gave to sys.exit(); else 0 if and only if everything is complete, 1 if a task failed, and 3 if
        there is work left otherwise."""
        asked = _exit_code(self.cause) if isinstance(self.cause, StopWorker) else EXIT_OK
        if asked != EXIT_OK:
            return asked
        if self.failures or self.elsewhere or self.ending is Ending.FAILED:
            return EXIT_FAILED
        return EXIT_OK if self.ending is Ending.COMPLETE else EXIT_WORK_LEFT

    def raise_failure(self) -> None:
        """Raise what the task raised that ended the worker; it is marked as told to the user.

        (What it means to the interpreter does not count: the ``sys.exit()`` of a task is no success.)
        """
        error = self.cause
        if not self.failures or error is None or isinstance(error, StopWorker):
            return
        if not isinstance(error, Exception):
            raise SystemExit(EXIT_FAILED) from error
        vars(error)[_TOLD] = True
        raise error

    def sentence(self) -> str:
        """What is left, and why."""
        if self.ending is Ending.COMPLETE and not (self.failures or self.elsewhere):
            return "All tasks are finished."
        failed = _failed(self.failures, "failed"), _failed(self.elsewhere, "failed in another worker")
        return " ".join(filter(None, (*failed, self.reason, self._what_is_left(), self._what_to_do())))

    def _what_is_left(self) -> str:
        left = ", ".join(f"{number} {kind}" for kind, number in self.left.items() if number)
        if not left:
            return "The jugfile stops at a barrier: there may be more tasks after it."
        return f"Tasks left: {left}."

    def _what_to_do(self) -> str:
        if self.elsewhere:
            return "'jug status --failures' shows why, and 'jug execute --retry-failed' tries again."
        if self.ending is Ending.FAILED and not self.failures:
            return (
                "They failed earlier, or need those that did ('jug status --failures' shows why, and 'jug cleanup "
                "--failed-only' lets them run again)."
            )
        if self.ending is Ending.GAVE_UP and self.left["running"]:
            return self._who_holds_what()
        return ""

    def _who_holds_what(self) -> str:
        """Of those who hold locks, the one who has done so for the longest time."""
        told = {(lock.host, lock.pid): lock for lock in sorted(self.holders, key=_latest_first) if lock.host}
        if not told:
            return "Who runs them is not known: if nobody does, 'jug cleanup --locks-only --force' removes the locks."
        lock = [*told.values()][-1]
        more = f" and {len(told) - 1} more" if len(told) > 1 else ""
        since = "" if lock.since is None else f" since {local_time(lock.since)}"
        who = f"{plain_line(lock.host)}:{lock.pid}"
        return f"They are held by {who}{since}{more} ('jug status --workers' shows who is alive)."


def is_told(error: BaseException) -> bool:
    """Whether it is the error of a task, of which the user has been told."""
    return _TOLD in vars(error)


def _exit_code(stop: SystemExit) -> int:
    """As the interpreter reads it; the system keeps the last eight bits."""
    code = stop.code
    return code % 256 if isinstance(code, int) else int(code is not None)


def _failed(tasks: list[Task[Any]], how: str) -> str:
    names = ", ".join(sorted(set(map(caption_of, tasks))))
    return f"{number_of(len(tasks), 'task')} {how} ({names})." if tasks else ""


def _latest_first(lock: LockDetails) -> float:
    return -(lock.since or 0.0)
