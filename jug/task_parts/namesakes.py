"""Two functions of one name: their tasks with the same arguments have one hash, and so one result.

Jug tells functions apart by name alone, since results have to be found again after the code was touched. So it
remembers which function made the first task of each name, and says so once if another one does, whatever the arguments:
they need only coincide once, in this run or a later one. It is another one if it does something else, or the same with
other captured variables or defaults; not if the same lines were only run again.
"""

from __future__ import annotations

from types import CodeType, FunctionType, MethodType

from jug.errors import DebugCheckError
from jug.hash import hash_one, hides_tasks
from jug.words.config import warn
from jug.words.nodes import ATOMS, Node
from jug.words.short import short

from .lambdas import code_key, contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: By name of a task, the function that made the last one. (Whoever makes a task looks here first.)
makers: dict[str, Any] = {}
_told: set[str] = set()
_MOST_WRAPPERS = 100


def meet(name: str, f: Any, tasks: Any) -> None:
    """A task called `name` is made of `f`, which is not what `makers` has.

    If it is another function, warn once; a list of `tasks` with an attribute ``namesakes`` decides itself: it is a list
    that gets what there is to say, or None to have it refused.

    Raises
    ------
    DebugCheckError
        It is refused.
    """
    known = makers.get(name)
    differs = "" if known is None or name in _told else difference(known, f)
    if differs:
        _tell(name, f"{name!r} is the name of two functions{_places(known, f, differs)}", tasks)
    makers[name] = f


def forget(module: str | None = None) -> None:
    """Forget who made tasks, before a jugfile is read again (with `module`: only what was defined in that one)."""
    for name in [name for name, f in makers.items() if module in (None, getattr(f, "__module__", None))]:
        del makers[name]


def _tell(name: str, what: str, tasks: Any) -> None:
    message = (
        f"{what}. Their tasks with the same arguments are one task, with one result: give the functions different "
        "names, or make an argument of what differs"
    )
    said: Any = getattr(tasks, "namesakes", _told)
    if said is None:
        raise DebugCheckError(message)
    _told.add(name)
    if said is _told:
        warn(message)
    else:
        said.append(message)


def _places(one: Any, other: Any, differs: str) -> str:
    here, there = place(one), place(other)
    where = f", made twice at {here}" if here == there else f", at {here} and at {there}"
    return where if differs == CODE else f"{where}, with other {differs}"


def place(f: Any) -> str:
    """File and line of a function, or else how it is written."""
    code = code_of(f)
    return short(f) if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def code_of(f: Any) -> CodeType | None:
    """The code of a function, whatever has wrapped it, or of the first method of a class; None if there is none."""
    inner = _layers(f)[-1]
    if isinstance(inner, type):
        inner = next((what for what in vars(inner).values() if type(what) is FunctionType), inner)
    code = getattr(getattr(inner, "__func__", inner), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _layers(f: Any) -> list[Any]:
    """What decorators (such as `lru_cache`) have made of a function, the last one first, down to that itself."""
    layers = [f]
    while len(layers) < _MOST_WRAPPERS and (inner := getattr(layers[-1], "__wrapped__", None)) is not None:
        layers.append(inner)
    f = layers[-1]
    # (That the object of a method has no part in the hash is told by itself, when the task gets its name.)
    if isinstance(f, MethodType) and not isinstance(f.__self__, type):
        layers[-1] = f.__func__
    return layers


# How two functions differ: in a word, '' if they do not.

CODE = "code"


def difference(one: Any, other: Any, pairs: set[tuple[int, int]] | None = None) -> str:
    """In what the functions differ (`pairs` have been looked at); '' if they do not, or it cannot be known."""
    pairs = set() if pairs is None else pairs
    if one is other or (id(one), id(other)) in pairs:
        return ""
    pairs.add((id(one), id(other)))
    (*wrappers, one), (*others, other) = _layers(one), _layers(other)
    return ("" if one is other else _of_unwrapped(one, other, pairs)) or _of_wrappers(wrappers, others, pairs)


def _of_wrappers(some: list[Any], others: list[Any], pairs: set[tuple[int, int]]) -> str:
    """Of what the same decorators have made. (That there is one more, which logs or counts, is no difference.)"""
    wrappers = [f for f in others if type(f) is FunctionType]
    for f in some:
        another = next((one for one in wrappers if one.__code__ == getattr(f, "__code__", None)), None)
        if another is not None:
            wrappers.remove(another)
            if differs := _of_functions(f, another, pairs):
                return differs
    return ""


def _of_unwrapped(one: Any, other: Any, pairs: set[tuple[int, int]]) -> str:
    if type(one) is not type(other) and not (isinstance(one, type) and isinstance(other, type)):
        return CODE
    if isinstance(one, FunctionType):
        return _of_functions(one, other, pairs)
    if isinstance(one, MethodType):
        if isinstance(one.__self__, type) and one.__self__.__qualname__ != other.__self__.__qualname__:
            return "class"
        return difference(one.__func__, other.__func__, pairs)
    return _of_classes(one, other, pairs) if isinstance(one, type) else ""


def _of_functions(one: Any, other: Any, pairs: set[tuple[int, int]]) -> str:
    mine, others = one.__code__, other.__code__
    if mine is not others and hash_one(code_key(mine)) != hash_one(code_key(others)):
        return CODE
    for name, value, another in zip(mine.co_freevars, contents(one), contents(other), strict=False):
        is_wrapped = value is getattr(one, "__wrapped__", None) and another is getattr(other, "__wrapped__", None)
        if not is_wrapped and _differ(value, another, pairs):  # (what is wrapped is compared by itself)
            return f"captured variables ({name} is {short(value)}, and {short(another)})"
    defaults = [[*(f.__defaults__ or ()), *sorted((f.__kwdefaults__ or {}).items())] for f in (one, other)]
    if len(defaults[0]) != len(defaults[1]) or any(_differ(a, b, pairs) for a, b in zip(*defaults, strict=True)):
        return "defaults"
    return ""


def _of_classes(one: Any, other: Any, pairs: set[tuple[int, int]]) -> str:
    mine, others = (
        {name: what for name, what in vars(kind).items() if type(what) is FunctionType} for kind in (one, other)
    )
    if one.__qualname__ != other.__qualname__ or mine.keys() != others.keys():
        return CODE
    return next(filter(None, (difference(f, others[name], pairs) for name, f in mine.items())), "")


def _differ(one: Any, other: Any, pairs: set[tuple[int, int]]) -> bool:
    """Whether values differ that functions have captured; what cannot be compared does not."""
    if one is other:
        return False
    if getattr(one, "_jug_is_task_generator", False) and getattr(other, "_jug_is_task_generator", False):
        one, other = one.f, other.f
    if type(one) is not type(other):
        return True
    if type(one) in (float, complex):
        return repr(one) != repr(other)  # not a number is not equal to itself
    if type(one) in ATOMS:
        return bool(one != other)
    if isinstance(one, Node):
        return bool(one._hash and other._hash and one._hash != other._hash)
    if isinstance(one, (FunctionType, MethodType, type)):
        return difference(one, other, pairs) != ""
    if hides_tasks((one, other)):
        return False  # a task may still be given another name, and its hash is final once it was asked for
    try:
        return hash_one(one) != hash_one(other)
    except Exception:  # noqa: BLE001  (the user's code)
        return False
