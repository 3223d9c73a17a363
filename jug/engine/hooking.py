"""Calling the hooks of a task from a worker."""

from __future__ import annotations

from ..errors import StopWorker
from ..hooks import jug_hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..task import Task


LOADABLE = "execute.task-loadable"
EXECUTED = "execute.task-executed1"


def call_hook(name: str, task: Task[Any]) -> None:
    """Call what is registered; sys.exit() in it stops the worker."""
    try:
        jug_hook(name, (task,))
    except SystemExit as stop:
        raise StopWorker(f"a hook called sys.exit({'' if stop.code is None else repr(stop.code)})") from stop
