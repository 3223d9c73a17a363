"""Processes that the function of a task forks: none of them becomes a worker, however it comes back to us."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def end_of_child(error: BaseException | None) -> NoReturn:
    """End this process, which came out of a task's function that was called in another one, by `error` if not None.

    What its worker holds is not its own; so it ends without what is done at the end of a worker, with the exit status
    that the interpreter would have given it.
    """
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        import traceback

        traceback.print_exception(error)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads it any more, or it was closed
    os._exit(code)
