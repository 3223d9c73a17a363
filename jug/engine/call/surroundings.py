"""What a task's function finds around it, and the next one is to find again.

A task may change the working directory, and need not go back: the next one begins where the jugfile, or a hook, has
left the worker, and the jugfile is found when it is read again. And if it ignores SIGCHLD, to be rid of its children,
the next one can tell all the same whether a program has failed.
"""

from __future__ import annotations

import os
import signal
from _signal import SIG_IGN, getsignal  # type: ignore[import-not-found]  # without enums, which take ten times as long

from jug.engine.loading.directory import go_to, working_directory
from jug.hooks.registry import is_hooked

from .fork_guard import end_of_child
from .hook import STARTS

_CHILD = getattr(signal, "SIGCHLD", signal.SIGTERM)  # (Windows has no SIGCHLD, and no harm in the other)


class Surroundings:
    """A context for each call of a task's function, in the process that made it.

    A process that was forked inside, and comes to the end of the block, ends there. (This is done for each task, so it
    asks the system as little as can be.)
    """

    __slots__ = ("_directory", "_handler", "_pid")

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._look()

    def _look(self) -> None:
        self._directory = working_directory()
        self._handler = getsignal(_CHILD)

    def __enter__(self) -> None:
        if is_hooked(STARTS):  # which may choose the directory of each task
            self._look()

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        if os.getpid() != self._pid:
            end_of_child(error)
        if working_directory() != self._directory:
            go_to(self._directory)
        if getsignal(_CHILD) is SIG_IGN and self._handler is not SIG_IGN:
            _handle_again(self._handler)


def _handle_again(handler: object) -> None:
    if handler is not None:  # else it was set by a C library
        try:
            signal.signal(_CHILD, handler)  # type: ignore[arg-type]  # it was one before
        except ValueError:
            pass  # this is not the main thread
