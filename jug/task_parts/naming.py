"""What a task is called, and the part of its hash that does not depend on its arguments."""

from __future__ import annotations

import sys
from functools import partial
from pickle import dumps
from types import FunctionType

from jug.errors import UnusableHashError
from jug.hash import PROTOCOL, hash_update, new_hash_object, positions, update_flat
from jug.words.config import warn
from jug.words.matching import Caption
from jug.words.nodes import ATOMS, direct, value
from jug.words.short import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])

_Module = type(sys)
_warned_of: set[str] = set()


def task_name(f: Any) -> str:
    """``module.function``."""
    if type(f) is FunctionType and f.__name__ != "<lambda>":  # as nearly all are
        return f"{f.__module__}.{f.__name__}"
    name = getattr(f, "__name__", None)
    if name is None:
        raise ValueError(f"A task needs a function with a name, and {f!r} has none")
    if name == "<lambda>":
        raise ValueError(
            "A task cannot be made from a lambda, which has no name to be identified by: define a function with 'def' "
            "(for something cheap that need not be stored, a Tasklet takes a lambda)"
        )
    name = f"{getattr(f, '__module__', None)}.{name}"
    owner = getattr(f, "__self__", None)
    if owner is not None and not isinstance(owner, (type, _Module)) and name not in _warned_of:
        _warned_of.add(name)
        warn(
            f"the task {name!r} is made of a method, whose object is not a part of its hash: tasks of other objects "
            "with the same arguments have the same result (decorate the method with TaskGenerator, or make the object "
            "an argument of a function)"
        )
    return name


def applies(functions: Callable[[Any], Iterable[Any]]) -> Callable[[_F], _F]:
    """Decorator for a function of tasks that calls functions which it is given: `functions` finds them in a task."""

    def mark(f: _F) -> _F:
        f._jug_applies = functions  # type: ignore[attr-defined]
        return f

    return mark


def caption_of(task: Any) -> str:
    """What a task is called in tables and messages: its name, with those of the functions that it applies."""
    f = getattr(task, "f", None)
    functions = getattr(f, "_jug_applies", None) if type(f) is FunctionType else None
    if functions is None:
        return task.name  # type: ignore[no-any-return]
    applied = tuple(functions(task))
    key = (task.name, *map(id, applied))
    known = _captions.get(key)
    if known is None:
        if len(_captions) >= _MOST_CAPTIONS:
            _captions.clear()
        known = _captions[key] = applied, _caption(task.name, applied)
    return known[1]


# With the functions, whose ids are theirs as long as they live.
_captions: dict[tuple[str | int, ...], tuple[tuple[Any, ...], str]] = {}
_MOST_CAPTIONS = 1000


def _caption(name: str, functions: Iterable[Any]) -> str:
    # A function that is the result of a task is not known yet; and what needs that is downstream of it anyway.
    known = [value(f) for f in functions if f is not None and not direct((f,))]
    return Caption(name, map(_name_of_function, known)) if known else name


def _name_of_function(f: Any) -> str:
    """``module.function`` of what can be called, however it is wrapped up."""
    while isinstance(f, partial) or getattr(type(f), "_jug_is_task_generator", False) is True:
        f = f.func if isinstance(f, partial) else f.f
    name = getattr(f, "__name__", None)
    if name is None:  # an object that can be called
        f, name = type(f), type(f).__name__
    return f"{getattr(f, '__module__', None) or type(f).__module__}.{name}"


def address_of(f: Any) -> tuple[str, str]:
    """Module and name, by which :func:`found_at` finds the function again; RuntimeError if it would not."""
    if "." in f.__qualname__:
        raise RuntimeError(
            f"The TaskGenerator {f.__module__}.{f.__qualname__} cannot be pickled (as an argument or a result "
            "of a task), because it is not defined at the top level of its module"
        )
    return f.__module__, f.__name__


def found_at(module: str, name: str) -> Any:
    """The object `name` of a module."""
    from importlib import import_module

    return getattr(import_module(module), name)


_names: dict[str, Any] = {}
_MOST = len(positions)


def hash_of_name(name: str) -> Any:
    """The state (not to be changed: take a copy) of the hash of a task named `name`, up to its arguments."""
    M = _names.get(name)
    if M is None:
        # The pair of 'args' and an empty tuple ends where the items of a tuple begin.
        M = _names[name] = hash_update(new_hash_object(), [("name", name.encode("utf-8")), ("args", ())])
    return M


class _Recorder:
    """A stand-in for a hash object that keeps the bytes."""

    def __init__(self) -> None:
        self.data = b""

    def update(self, data: bytes) -> None:
        self.data += data


NO_KWARGS_HASHED: bytes = hash_update(_Recorder(), [("kwargs", {})]).data


def flat_hash(name: str, args: Sequence[Any]) -> bytes | None:
    """The hash of a task without keyword arguments, if no walk through `args` is needed for it; else None."""
    M = hash_of_name(name).copy()
    if not update_flat(M, args):
        return None
    M.update(NO_KWARGS_HASHED)
    digest: bytes = M.hexdigest().encode("ascii")
    return digest


def checked_hash(own: Any, task: Any) -> bytes:
    """What the class of `task` gives it for a hash, if it can be one; a text becomes bytes.

    Raises
    ------
    UnusableHashError
        It cannot.
    """
    if isinstance(own, (str, bytes)) and own and own.isascii():
        return own.encode() if isinstance(own, str) else own
    kind = f"{type(task).__module__}.{type(task).__qualname__}"
    raise UnusableHashError(f"Task {task.label()}: {kind}.__jug_hash__() gave {short(own)}, and not some ASCII bytes")


def hash_all(tasks: Sequence[Any], kind: type[Any]) -> list[int]:
    """Compute the hashes that are not known yet, of the tasks of type `kind` that :func:`flat_hash` has an answer for.

    The same as that, in less time where there are many. Returns the numbers of all tasks but those whose arguments were
    seen to be atoms.
    """
    others = []
    for number, task in enumerate(tasks):
        args = task.args
        if type(task) is not kind or task._hash is not None or task.kwargs or len(args) > _MOST:
            others.append(number)
            continue
        M = (_names.get(task.name) or hash_of_name(task.name)).copy()
        update = M.update
        position = nodes = 0
        for obj in args:
            if type(obj) in ATOMS:
                update(positions[position] + dumps(obj, PROTOCOL))
            elif type(obj) is kind and obj._hash:
                update(positions[position] + obj._hash)
                nodes = 1
            else:
                nodes = 2
                break
            position += 1  # noqa: SIM113  (see update_flat)
        if nodes:
            others.append(number)
        if nodes != 2:
            update(NO_KWARGS_HASHED)
            task._hash = M.hexdigest().encode("ascii")
    return others
