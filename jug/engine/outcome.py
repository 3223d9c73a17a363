"""How the work of a worker ended, and the one sentence and the exit status that say so."""

from __future__ import annotations

from enum import Enum

from ..errors import EXIT_FAILED, EXIT_OK, EXIT_WORK_LEFT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..task import Task


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
    """

    def __init__(
        self, ending: Ending, reason: str, failures: list[Task[Any]], left: dict[str, int], progress: bool
    ) -> None:
        self.ending = ending
        self.reason = reason
        self.failures = failures
        self.left = left
        self.progress = progress

    @property
    def exit_code(self) -> int:
        """0 if and only if everything is complete; 1 if a task failed; 3 if there is work left otherwise."""
        if self.failures or self.ending is Ending.FAILED:
            return EXIT_FAILED
        return EXIT_OK if self.ending is Ending.COMPLETE else EXIT_WORK_LEFT

    def sentence(self) -> str:
        """What is left, and why."""
        if self.ending is Ending.COMPLETE and not self.failures:
            return "All tasks are finished."
        return " ".join(filter(None, (self._what_failed(), self.reason, self._what_is_left(), self._what_to_do())))

    def _what_failed(self) -> str:
        number = len(self.failures)
        names = sorted({task.name for task in self.failures})
        return f"{number} task{'s' * (number > 1)} failed ({', '.join(names)})." if number else ""

    def _what_is_left(self) -> str:
        left = ", ".join(f"{number} {kind}" for kind, number in self.left.items() if number)
        if not left:
            return "The jugfile stops at a barrier: there may be more tasks after it."
        return f"Tasks left: {left}."

    def _what_to_do(self) -> str:
        if self.ending is Ending.FAILED and not self.failures:
            return "They failed earlier, or need those that did ('jug cleanup --failed-only' lets them run again)."
        if self.ending is Ending.GAVE_UP and self.left["running"]:
            return (
                "If no worker is running any more, 'jug cleanup --locks-only' removes the locks that were left behind."
            )
        return ""
