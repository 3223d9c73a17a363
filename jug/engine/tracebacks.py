"""What an exception says to the author of a task: the way from the task's function on, not how jug came to call it."""

from __future__ import annotations

from ..errors import JugError

# What is between the command and the task's function. (Functions of tasks may be in other modules of jug.)
_MACHINERY = tuple(f"jug.{name}" for name in ("backends.", "engine.", "hooks.", "nodes", "task"))


def traceback_of_task(error: BaseException) -> str:
    """The traceback, without the frames of jug that lead to the task's function; of a JugError, the sentence."""
    import traceback

    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith(_MACHINERY):
        tb = tb.tb_next
    if tb is not None or not isinstance(error, JugError):
        return "".join(traceback.format_exception(type(error), error, tb or error.__traceback__))
    cause = error.__cause__
    before = traceback_of_task(cause) if cause is not None and _has_frame_of_user(cause) else ""
    return f"{before}{error}\n"


def _has_frame_of_user(error: BaseException) -> bool:
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith("jug."):
        tb = tb.tb_next
    return tb is not None
