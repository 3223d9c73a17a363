"""Calling the hooks of a task from a worker."""

from __future__ import annotations

from jug.errors import StopWorker
from jug.hooks import jug_hook
from jug.hooks.registry import is_hooked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from jug.task import Task


LOADABLE = "execute.task-loadable"
STARTS = "execute.task-pre-execute"
EXECUTED = "execute.task-executed1"


def call_hook(name: str, task: Task[Any]) -> None:
    """Call what is registered; sys.exit() in it stops the worker."""
    try:
        jug_hook(name, (task,))
    except StopWorker:
        raise
    except SystemExit as stop:
        raise StopWorker(f"a hook called sys.exit({'' if stop.code is None else repr(stop.code)})", stop.code) from stop


def call_hooks(name: str, tasks: Iterable[Task[Any]]) -> None:
    """The same for each of many tasks, which costs nothing if nothing is registered."""
    for task in tasks if is_hooked(name) else ():
        call_hook(name, task)
