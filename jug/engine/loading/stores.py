"""Which store the tasks use. A jugfile may choose it as well as the command line, and is obeyed by every command.

A jugfile is read again after each barrier, and says each time where results are kept. Within one command, the same
words mean the same store then: one in memory would be empty otherwise.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager

from jug import task
from jug.backends.select import select
from jug.backends.third_party import adapted
from jug.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from jug.backends.base import base_store
    from jug.backends.result_bytes.signature import Key

# By working directory and jugdir; None outside of a command.
_opened: dict[tuple[str, str], base_store] | None = None
_signs: Signs | None = None


class Signs:
    """How the stores of a command treat signatures: as if results were signed with `key`.

    With `judging`, results that were made without a key are no reason to refuse, as long as none is loaded.
    """

    def __init__(self, key: Key, judging: bool = False) -> None:
        self._key = key
        self._judging = judging

    def prepare(self, store: Any) -> None:
        if not hasattr(store, "use_key"):
            raise UsageError("--sign-key: in a store of this kind, results cannot be signed (only in a folder)")
        store.use_key(self._key, self._judging)


def set_jugdir(jugdir: str | base_store | None) -> base_store:
    """Choose where results are kept; returns the store.

    Parameters
    ----------
    jugdir : str, base_store or None
        A directory, a URI (see the documentation of backends), or a store. None is the directory ``jugdata``.

    Raises
    ------
    UsageError
        The URI is of a kind that is not known.
    StoreError
        The store cannot be used.
    """
    if jugdir is None:
        jugdir = "jugdata"
    store: base_store
    if not isinstance(jugdir, (str, os.PathLike)):
        _select(jugdir)  # it can be used
        store = jugdir  # and not what adapts it: this is what scripts compare Task.store with
    elif _opened is None:
        store = _select(jugdir)
    else:
        key = os.getcwd(), os.fspath(jugdir)
        if key not in _opened:
            _opened[key] = _select(jugdir)
        store = _opened[key]
    task.Task.store = store
    return store


def _select(jugdir: str | base_store) -> base_store:
    store = select(jugdir)
    if _signs is not None:
        _signs.prepare(store)
    return store


def current_store(default: base_store) -> base_store:
    """The store of the tasks, once the jugfile was read: it may have chosen another than `default`.

    A relative jugdir is one in the directory where the jugfile leaves the process, whatever tasks do.
    """
    if task.Task.store is None:
        return adapted(default)
    store = adapted(task.Task.store)
    if _signs is not None:
        _signs.prepare(store)
    if hasattr(store, "settle"):
        store.settle()
    return store


def require_key(store: Any) -> None:
    """UsageError if results in this store are signed, and there is no key: what were computed could not be stored."""
    if hasattr(store, "require_key"):
        store.require_key()


@contextmanager
def stores_of_a_command(signs: Signs | None = None) -> Iterator[None]:
    """For the time of a command: all stores that it or its jugfile names are closed at its end, and results in them are
    signed as `signs` says."""
    global _opened, _signs
    before, _opened, _signs = (_opened, _signs), {}, signs
    try:
        yield
    finally:
        opened, (_opened, _signs) = _opened, before
        with ExitStack() as stack:  # all of them, even if one cannot be written
            for store in opened.values():
                stack.callback(store.close)
