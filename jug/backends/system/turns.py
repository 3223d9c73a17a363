"""Threads of this process that take turns.

A process that is forked while one of its threads has its turn gets a copy in which nobody would ever end it. So every
turn is a new one there; what the other thread was about is for its own process.
"""

from __future__ import annotations

import os
import threading
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_owners: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def one_thread_at_a_time(owner: object, attribute: str) -> threading.RLock:
    """A lock for what `owner` knows, which keeps it as its `attribute`: after a fork, there is another one."""
    _owners[owner] = attribute
    return threading.RLock()


def _begin_anew() -> None:
    for owner, attribute in list(_owners.items()):
        setattr(owner, attribute, threading.RLock())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)
