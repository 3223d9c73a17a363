"""Processes that the function of a task forks: none of them becomes a worker, however it comes back to us."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class in_this_process_only:
    """A context: a process that was forked inside, and comes to the end of the block, ends there.

    What its worker holds is not its own; so it ends without what is done at the end of a worker, with the exit status
    that the interpreter would have given it. (A generator would take twice as long, and this is done for each task.)
    """

    __slots__ = ("_pid",)

    def __enter__(self) -> None:
        self._pid = os.getpid()

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        if os.getpid() != self._pid:
            _end(error)


def _end(error: BaseException | None) -> NoReturn:
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
