"""Ends a worker early: after a number of tasks, after some time, when a file appears, when a function says
so.

Each check is looked at before or after a task, never in the middle of one, and raises
:class:`jug.errors.StopWorker` with its reason. A jugfile that is loaded again (barriers) registers nothing
twice, and what has been counted so far stays counted.
"""

from __future__ import annotations

import os
from time import monotonic

from jug.errors import StopWorker, UsageError
from jug.words.config import to_number

from .registry import early, register_hook_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Any

STOP_FILE = "__jug_please_stop_running.txt"
TASK_BEGINS = "execute.task-pre-execute"
TASK_DONE = "execute.task-executed1"


def exit_if_file_exists(fname: str | os.PathLike[str]) -> None:
    """Before each task, stop if ``fname`` exists."""
    path = os.fspath(fname)

    def check(task: Any) -> None:
        if os.path.exists(path):
            raise StopWorker(f"the file {path!r} asks to stop")

    register_hook_once(TASK_BEGINS, ("exit_if_file_exists", os.path.abspath(path)), check)


def exit_when_true(f: Callable[..., Any], function_takes_Task: bool = False) -> None:
    """After each task, stop if ``f()`` is true (or ``f(task)``, the task just executed)."""

    def check(task: Any) -> None:
        if f(task) if function_takes_Task else f():
            raise StopWorker(f"the exit check {getattr(f, '__qualname__', f)!s} is true")

    register_hook_once(TASK_DONE, ("exit_when_true", _identity(f), bool(function_takes_Task)), check)


def exit_after_n_tasks(n: int) -> None:
    """Stop when this process has executed ``n`` tasks."""
    executed = 0

    @early
    def check(task: Any) -> None:
        nonlocal executed
        executed += 1
        if executed >= n:
            raise StopWorker(f"the limit of tasks is reached ({executed} executed)")

    register_hook_once(TASK_DONE, ("exit_after_n_tasks", n), check)


def exit_after_time(hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
    """After each task, stop if ``hours`` + ``minutes`` + ``seconds`` have passed since the first call."""
    limit = hours * 3600 + minutes * 60 + seconds
    start = monotonic()

    @early
    def check(task: Any) -> None:
        passed = monotonic() - start
        if passed >= limit:
            raise StopWorker(f"the time limit of {limit:g} s is reached ({passed:.1f} s have passed)")

    register_hook_once(TASK_DONE, ("exit_after_time", limit), check)


def exit_env_vars(environ: Mapping[str, str] | None = None) -> None:
    """Stop as the environment asks: JUG_MAX_TASKS, JUG_MAX_HOURS + _MINUTES + _SECONDS,
    JUG_EXIT_IF_FILE_EXISTS.

    Empty variables count as unset, and a time of 0 is no limit. The file ``__jug_please_stop_running.txt``
    stops as well.
    """
    environ = os.environ if environ is None else environ
    exit_if_file_exists(STOP_FILE)
    if environ.get("JUG_EXIT_IF_FILE_EXISTS"):
        exit_if_file_exists(environ["JUG_EXIT_IF_FILE_EXISTS"])
    if environ.get("JUG_MAX_TASKS"):
        exit_after_n_tasks(int(_limit(environ, "JUG_MAX_TASKS", kind=int, least=1)))
    hours, minutes, seconds = (
        _limit(environ, name, kind=float, least=0) for name in ("JUG_MAX_HOURS", "JUG_MAX_MINUTES", "JUG_MAX_SECONDS")
    )
    if hours or minutes or seconds:
        exit_after_time(hours, minutes, seconds)


def _limit(environ: Mapping[str, str], name: str, kind: type, least: int) -> float:
    text = environ.get(name) or "0"
    try:
        number = to_number(text, kind)
    except ValueError as error:
        raise UsageError(f"environment variable {name}: {error}") from None
    if number < least:
        raise UsageError(f"environment variable {name}: {text!r} is less than {least}")
    return number


def _identity(f: Any) -> Hashable:
    """Equal for one definition in a jugfile that is loaded again, though the function is another object."""
    code = getattr(f, "__code__", None)
    if code is None:
        return repr(f)
    constants = [constant for constant in code.co_consts if not hasattr(constant, "co_code")]
    around = (constants, f.__defaults__, _captured(f), getattr(f, "__self__", None))
    return f.__module__, f.__qualname__, code.co_firstlineno, code.co_code, repr(around)


def _captured(f: Any) -> list[Any]:
    """The values that ``f`` has from around it; a cell that is still empty counts as None."""
    values: list[Any] = []
    for cell in f.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:
            values.append(None)
    return values
