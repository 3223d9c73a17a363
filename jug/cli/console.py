"""What a worker says on the console: failures always, each step on request."""

from __future__ import annotations

import sys
import time
from collections import Counter

from jug.engine.call.user_traceback import traceback_of_task
from jug.engine.reporter import Reporter
from jug.errors import JugError
from jug.task_parts.naming import caption_of
from jug.words.plain import plain
from jug.words.short import number_of, short_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jug.task import Task
    from jug.words.config import Options

_LONG_WAIT = 10.0  # seconds
_LEVELS = {"info": 1, "debug": 2}  # of all other words, 0


class ConsoleReporter(Reporter):
    """Writes to standard error, and counts for the table at the end.

    Attributes
    ----------
    executed_by_name, loaded_by_name : dict
        How many tasks of each name this worker ran, and found finished.
    """

    def __init__(self, options: Options) -> None:
        self._level = _LEVELS.get(options.verbose, 0)
        self._waits_since: float | None = None
        self._has_told = False
        self.executed_by_name: dict[str, int] = {}
        self.loaded_by_name: Counter[str] = Counter()

    def _say(self, level: int, message: str) -> None:
        if self._level >= level:
            print(f"jug: {plain(message)}", file=sys.stderr, flush=True)

    def started(self, task: Task[Any]) -> None:
        self._waits_since = None
        if self._level:
            self._say(1, f"executing {in_short(task)}")

    def executed(self, task: Task[Any], seconds: float) -> None:
        name = caption_of(task)
        self.executed_by_name[name] = self.executed_by_name.get(name, 0) + 1
        if self._level:
            self._say(1, f"executed {in_short(task)} in {seconds:.3g} s")

    def loadable(self, tasks: Sequence[Task[Any]]) -> None:
        self.loaded_by_name.update(map(caption_of, tasks))
        if self._level > 1:
            for task in tasks:
                self._say(2, f"there is a result of {in_short(task)}")

    def failed(self, task: Task[Any], error: BaseException) -> None:
        self._say(0, f"{in_short(task)} failed (task {task.hash().decode()}):")
        text = traceback_of_task(error)
        # What the user's function raises is shown as it is; what jug says may quote a file of others.
        sys.stderr.write(plain(text) if isinstance(error, JugError) else text)
        sys.stderr.flush()

    def damaged(self, task: Task[Any], error: Exception, place: str) -> None:
        self._say(
            0, f"{error}. It was moved to {place}, and {in_short(task)} (task {task.hash().decode()}) is to run again"
        )

    def overtaken(self, task: Task[Any]) -> None:
        self._say(
            0,
            f"{in_short(task)} (task {task.hash().decode()}) was run by another worker, too, since this one gave no "
            "sign of life for longer than its lease; the other's result counts",
        )

    def waiting(self, running_elsewhere: int, waiting: int) -> None:
        now = time.monotonic()
        if self._waits_since is None:
            self._waits_since, self._has_told = now, False
        # Short pauses between tasks are of no interest; whoever sees nothing happen for longer wants to know why.
        if not self._has_told and (self._level or now - self._waits_since >= _LONG_WAIT):
            self._has_told = True
            locked = number_of(running_elsewhere, "task is locked", "tasks are locked")
            self._say(0, f"Waiting: {locked} by others, {number_of(waiting, 'waits', 'wait')} for results")


class LoopReporter(ConsoleReporter):
    """For a program that is to get what a task raises: that has the traceback."""

    def failed(self, task: Task[Any], error: BaseException) -> None:
        self._say(0, f"{in_short(task)} failed (task {task.hash().decode()})")


def in_short(task: Task[Any]) -> str:
    """The call in one line of reasonable length."""
    return short_call(task.name, task.args, task.kwargs)
