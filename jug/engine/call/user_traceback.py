"""What an exception says to the author of a task: the way from the task's function on, not how jug came to call it."""

from __future__ import annotations

import re

from jug.errors import JugError
from jug.task import Task

# What is between the command and the task's function. (Functions of tasks may be in other modules of jug.)
_MACHINERY = tuple(f"jug.{name}" for name in ("backends.", "engine.", "hashcheck.", "hooks.", "task", "words."))


# How Python and numpy name the type of what they cannot use. (A call such as Task(...) or Task.load() is no such name.)
_NO_VALUE = {
    TypeError: re.compile(r"(?<![\w.])Task(let)?\b(?!(\.\w+)?\()"),
    AttributeError: re.compile(r"'Task(let)?' object"),
}
_HINT = (
    "A task is not its result, but a note that there will be one: make it an argument of another task (in a task, call "
    "the undecorated function, such as f.f(x))"
)


def hint_for(error: BaseException) -> str:
    """A line about the commonest mistake, if `error` looks like it: to take a task for its result."""
    is_about_tasks = any(isinstance(error, kind) and named.search(str(error)) for kind, named in _NO_VALUE.items())
    return f"{_HINT}\n" if is_about_tasks else ""


def traceback_of_task(error: BaseException) -> str:
    """The traceback, without the frames of jug that lead to the task's function; of a JugError, the sentence."""
    import traceback

    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith(_MACHINERY):
        tb = tb.tb_next
    if tb is not None or not isinstance(error, JugError):
        frames = tb or (None if _has_wrong_arguments(error) else error.__traceback__)
        text = traceback.format_exception(type(error), error, frames)
        return "".join([*text, hint_for(error)])
    cause = error.__cause__
    before = traceback_of_task(cause) if cause is not None and _has_frame_of_user(cause) else ""
    return f"{before}{error}\n"


def _has_wrong_arguments(error: BaseException) -> bool:
    """Whether the task's function does not take these arguments, so that no line of it was run."""
    tb = error.__traceback__ if isinstance(error, TypeError) else None
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return tb is not None and tb.tb_frame.f_code is Task.run.__code__


def _has_frame_of_user(error: BaseException) -> bool:
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith("jug."):
        tb = tb.tb_next
    return tb is not None
