"""Scripts and notebooks that share a store: all of them call their own functions ``__main__.name``.

So that one does not get the results of another without a word, the first result of such a function that a script stores
is accompanied by a note: which script it was, and a digest of the function's code. The note is an ordinary small result
under a hash that no task has: every kind of store can keep it, every version reads past it, and who cleans up loses the
note and no more. A script is warned that is not named in the note, and whose function is another one.
"""

from __future__ import annotations

import os
import sys

from jug.hash import hash_one
from jug.words.config import warn

from .lambdas import code_key
from .namesakes import code_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: How the names of tasks begin that are made of functions of scripts.
MAIN = "__main__."
_looked: dict[tuple[int, str], Any] = {}  # with the stores, so that their ids stay theirs
_noted: set[tuple[int, str]] = set()


def look(task: Any) -> None:
    """Warn, once, if the store has results of a function of this name from a script in which it is another one."""
    key = (id(task.store), task.name)
    if key in _looked:
        return
    _looked[key] = task.store
    me = _this_script(task)
    known = _note(task) if me else {}
    mine = _digest(task.f)
    others = [script for script, digest in known.items() if _are_others(digest, mine)]
    if others and me not in known:
        warn(
            f"there are results of a function {task.name!r} of {others[0]}, which is another one than that of {me}: "
            "you get its results for the same arguments, since every script is called __main__. Use a jugdir for each "
            "script, or put the functions into a module that the scripts import"
        )


def look_at_all(tasks: Iterable[Any]) -> None:
    """The same, for each function of a script that there is among `tasks`."""
    for task in tasks:
        if task.name.startswith(MAIN):
            look(task)


def remember(task: Any) -> None:
    """A result of `task` was stored: note from which script it is."""
    key = (id(task.store), task.name)
    if key in _noted:
        return
    _noted.add(key)
    me = _this_script(task)
    if me:
        known, mine = _note(task), _digest(task.f)
        if known.get(me) != mine:
            task.store.dump({**known, me: mine}, _name_of_note(task))


def _name_of_note(task: Any) -> bytes:
    return hash_one(("jug: scripts with a function of this name", task.name))


def _note(task: Any) -> dict[str, Any]:
    """Digests of the function, by the scripts that they are of."""
    name = _name_of_note(task)
    try:
        note = task.store.load(name) if task.store.can_load(name) else {}
    except Exception:  # noqa: BLE001  (a note that cannot be read is none)
        return {}
    return note if isinstance(note, dict) else {}


def _this_script(task: Any) -> str:
    """How the script, or notebook, is found from the store; '' if that is not known, or nobody else sees the store."""
    is_private = getattr(task.store, "backend", "") is None  # in memory
    if is_private or getattr(task.f, "__module__", "") != "__main__":
        return ""
    main = vars(sys.modules["__main__"])
    path = main.get("__file__") or main.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    if not path:
        return ""
    folder = getattr(task.store, "jugdir", None)
    path = os.path.abspath(path)
    # From there it is the same on each machine, and if all was moved.
    return os.path.relpath(path, folder) if isinstance(folder, (str, os.PathLike)) else path


def _digest(f: Any) -> tuple[str, str]:
    """What the function does, as this version of Python writes it."""
    code = code_of(f)
    return sys.implementation.cache_tag or "", "" if code is None else hash_one(code_key(code)).decode()


def _are_others(one: Any, other: tuple[str, str]) -> bool:
    return isinstance(one, tuple) and len(one) == 2 and one[0] == other[0] and one[1] != other[1]
