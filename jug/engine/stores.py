"""Which store the tasks use. A jugfile may choose it as well as the command line, and is obeyed by every command.

A jugfile is read again after each barrier, and says each time where results are kept. Within one command, the same
words mean the same store then: one in memory would be empty otherwise.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager

from .. import task
from ..backends.adapted import adapted
from ..backends.select import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..backends.base import base_store

# By working directory and jugdir; None outside of a command.
_opened: dict[tuple[str, str], base_store] | None = None


def set_jugdir(jugdir: str | base_store) -> base_store:
    """Choose where results are kept; returns the store.

    Parameters
    ----------
    jugdir : str or base_store
        A directory, a URI (see the documentation of backends), or a store.

    Raises
    ------
    UsageError
        The URI is of a kind that is not known.
    StoreError
        The store cannot be used.
    """
    if _opened is None or not isinstance(jugdir, (str, os.PathLike)):
        store = select(jugdir)
    else:
        key = os.getcwd(), os.fspath(jugdir)
        if key not in _opened:
            _opened[key] = select(jugdir)
        store = _opened[key]
    task.Task.store = store
    return store


def current_store(default: base_store) -> base_store:
    """The store of the tasks: a jugfile may have chosen another than `default`."""
    return default if task.Task.store is None else adapted(task.Task.store)


@contextmanager
def stores_of_a_command() -> Iterator[None]:
    """For the time of a command: all stores that it or its jugfile names are closed at its end."""
    global _opened
    before, _opened = _opened, {}
    try:
        yield
    finally:
        opened, _opened = _opened, before
        with ExitStack() as stack:  # all of them, even if one cannot be written
            for store in opened.values():
                stack.callback(store.close)
