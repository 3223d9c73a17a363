"""What is said of an argument that has no hash: of which task, where in its call, why, and what to do instead."""

from __future__ import annotations

import pickle

from jug.errors import JugError
from jug.words.nodes import Node, TaskNode
from jug.words.places import ITEM, describe_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What pickling raises, depending on the type that does not allow it.
NOT_PICKLABLE = (pickle.PicklingError, AttributeError, TypeError, ValueError, RecursionError)

# What to do instead, by the type of what people often pass.
_ADVICE = {
    "function": " (a function must be defined with 'def' at the top level of a module)",
    "generator": " (pass a list of its items)",
    **dict.fromkeys(("TextIOWrapper", "BufferedReader", "BufferedWriter"), " (pass the path of the file)"),
}
_LIBRARIES = ("builtins", "collections", "functools", "types", "numpy", "jug")


class UnhashableError(JugError, TypeError):
    """An object has no stable hash, so that its task could not be found again.

    Attributes
    ----------
    is_for_tasks : bool
        The reason is a task, where jug does not look for it.
    """

    __module__ = "jug.hash"  # from where users import it

    def __init__(self, message: str, is_for_tasks: bool = False) -> None:
        super().__init__(message)
        self.is_for_tasks = is_for_tasks


def tasks_inside(obj: Any, part: str = "") -> UnhashableError:
    """The error that says that there are tasks in (this part of) `obj`, which jug does not look through."""
    kind = type(obj)
    name = f"{part}{'an' if kind.__name__[0] in 'aeioAEIO' else 'a'} {kind.__name__}"
    why = " (it is a subclass of list or tuple, such as a namedtuple)" if isinstance(obj, (list, tuple)) else ""
    is_own = not (why or kind.__module__.partition(".")[0] in _LIBRARIES)
    more = " (or give the class the methods __jug_hash__, __jug_dependencies__ and __jug_value__)" if is_own else ""
    return UnhashableError(
        f"There are tasks inside {name}, where jug does not look{why}: use a plain list, tuple or dict{more}", True
    )


def not_picklable(obj: Any, error: Exception) -> UnhashableError:
    """The error that says that `obj` cannot be hashed, since `error` was raised when it was pickled."""
    return UnhashableError(
        f"An argument of type {type(obj).__module__}.{type(obj).__qualname__} cannot be hashed, because it cannot "
        f"be pickled: {error}{_ADVICE.get(type(obj).__name__, '')}"
    )


def local(walk: Any, name: str) -> Any:
    """A local variable of a generator, None if it has none of that name or is finished."""
    frame = walk.gi_frame
    return None if frame is None else frame.f_locals.get(name)


def with_owner(error: UnhashableError, stack: list[Any]) -> UnhashableError:
    """The same error, beginning with whose hash was being computed by the innermost generators in `stack`."""
    frames = [walk.gi_frame for walk in stack if walk.gi_frame is not None]
    tb = error.__traceback__
    while tb is not None:  # the generator that raised it is finished, but there its frame is found
        if "pairs" in tb.tb_frame.f_locals:
            frames.append(tb.tb_frame)
        tb = tb.tb_next
    owner: Any = None
    steps: list[Any] = []
    for names in (frame.f_locals for frame in frames):
        if isinstance(names.get("self"), Node):
            owner, steps = names["self"], []
        elif names.get("source") is not None and "label" in names:
            steps.append(_step(names))
    if owner is None:
        beginning = ""
    elif isinstance(owner, TaskNode):
        place = f"{_place(owner, steps)}: " if error.is_for_tasks and steps else ""
        beginning = f"Task {owner.label()}: {place}"
    else:
        beginning = f"{owner!s}: "
    return UnhashableError(f"{beginning}{error}", error.is_for_tasks)


def _step(names: dict[str, Any]) -> Any:
    """The key or position in its container of the object that is at hand, from the variables of `jug.hash.stream`."""
    source, obj = names["source"], names["obj"]
    if isinstance(source, dict):
        return next((key for key, value in source.items() if value is obj), "?")
    return names["label"]


def _place(task: Any, steps: list[Any]) -> str:
    return describe_place(getattr(task, "f", None), steps[0], [(ITEM, step) for step in steps[1:]])
