"""What is checked around the run of one task with ``--debug``: that it is, and stays, what it was when it was made."""

from __future__ import annotations

from .errors import DebugCheckError
from .stability import changed, complaint, marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class RunCheck:
    """Made before `task` is run; `tasks` are all that there are.

    Raises
    ------
    DebugCheckError
        The hash of an argument changes.
    """

    def __init__(self, task: Any, tasks: list[Any]) -> None:
        self.task = task
        unstable = complaint(task, tasks)
        if unstable:
            raise DebugCheckError(unstable)
        self._check_hash("since it was first asked for: its arguments were changed", {})
        self.number_of_tasks = len(tasks)
        self.arguments = marks(task)

    def after(self, tasks: list[Any]) -> None:
        """The task has run: raise DebugCheckError if it has made others, or changed its arguments."""
        if len(tasks) > self.number_of_tasks:
            raise DebugCheckError(
                f"{self.task.name} created a task ({tasks[-1].name}) while it ran: this task is never executed"
            )
        self._check_hash("while it ran: its arguments were changed after it was made", self.arguments)

    def _check_hash(self, when: str, arguments_before: dict[int | str, bytes]) -> None:
        task = self.task
        known = task.hash()
        task._hash = None
        now, task._hash = task.hash(), known
        if now != known:
            named = ", ".join(found.place for found in changed(task, arguments_before))
            raise DebugCheckError(f"The hash of {task!s} changed {when}{f' ({named})' if named else ''}")
