"""What a worker tells while it works: events, for whoever shows, counts or supervises.

The engine never prints. A :class:`Reporter` receives each event as a call; this one ignores all of them, and others
override what they care for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jug.task import Task


class Reporter:
    """Ignores all events."""

    def started(self, task: Task[Any]) -> None:
        """This worker has the lock of the task and is about to call its function."""

    def executed(self, task: Task[Any], seconds: float) -> None:
        """The result is in the store; `seconds` is how long the function took."""

    def loadable(self, tasks: Sequence[Task[Any]]) -> None:
        """These tasks turned out to have results that this worker did not compute."""

    def failed(self, task: Task[Any], error: BaseException) -> None:
        """The function raised (or its result could not be stored)."""

    def damaged(self, task: Task[Any], error: Exception, place: str) -> None:
        """The stored result of the task was damaged: `place` is where it is kept now, and the task is to run again."""

    def overtaken(self, task: Task[Any]) -> None:
        """This worker was held up for so long that another one has run the task too, whose result counts."""

    def waiting(self, running_elsewhere: int, waiting: int) -> None:
        """Nothing can be run now: so many tasks are running elsewhere, so many wait for results."""
