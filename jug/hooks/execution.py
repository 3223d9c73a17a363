"""Times the tasks of this process and prints the average by name at the end of ``jug execute``."""

from __future__ import annotations

from time import monotonic

from jug.words.short import number_of

from .registry import register_hook_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class TimeTasks:
    """How long the tasks took, by name, from their pre-execute hook to their executed hook."""

    def __init__(self) -> None:
        self.durations: dict[str, list[float]] = {}
        self._started = 0.0

    def begin(self, task: Any) -> None:
        self._started = monotonic()

    def end(self, task: Any) -> None:
        self.durations.setdefault(task.name, []).append(monotonic() - self._started)

    def table(self) -> str:
        """One line per name, in order of first execution: the average time and the number of tasks."""
        lines = ["TIMES", "-----", ""]
        for name, durations in self.durations.items():
            average = sum(durations) / len(durations)
            lines.append(f"{name:20} {average:.2f}s ({number_of(len(durations), 'task')})")
        return "\n".join(lines)

    def report(self) -> None:
        print(f"\n{self.table()}")


def register_time_tasks() -> None:
    """Time each task and print a summary at the end of ``jug execute``. Call it in the jugfile."""
    timer = TimeTasks()
    register_hook_once("execute.task-pre-execute", "register_time_tasks", timer.begin)
    register_hook_once("execute.task-executed1", "register_time_tasks", timer.end)
    register_hook_once("execute.finished_post_status", "register_time_tasks", timer.report)
