"""Processes that the function of a task forks: none of them becomes a worker, however it comes back to us."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn


@contextmanager
def in_this_process_only() -> Iterator[None]:
    """A process that was forked inside, and comes to the end of the block, ends there.

    What its worker holds is not its own; so it ends without what is done at the end of a worker, with the exit status
    that the interpreter would have given it.
    """
    pid = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != pid:
            _end(sys.exc_info()[1])


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
