"""What identifies a function that has no name by which a pickle could find it: a lambda, or a function inside another.

It is what the function does (its code) and what it has captured from around it: modules by their names, further such
functions by what they do, and everything else as arguments are. What cannot be hashed at all, such as an open file, is
known by its type alone, and a warning says so.
"""

from __future__ import annotations

import io
from functools import partial
from types import CodeType, FunctionType, ModuleType

from jug.hash import PROTOCOL, _SetPickler, hash_one
from jug.hashing.unhashable import NOT_PICKLABLE, UnhashableError
from jug.words.config import warn
from jug.words.nodes import ATOMS, Node
from jug.words.protocol import method

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEEPEST = 50  # in what was captured, nobody looks for functions further down
_warned_of: set[str] = set()


def key(f: Any) -> Any:
    """What identifies the function `f`: itself, unless it has no name by which a pickle could find it."""
    return _of_function(f, ()) if is_nameless(f) else f


def is_nameless(f: Any) -> bool:
    return type(f) is FunctionType and "<" in f.__qualname__


def _of_function(f: FunctionType, around: tuple[Any, ...]) -> Any:
    """The key of `f`, which was captured by the first of the functions `around`, this one by the next, and so on."""
    if f in around:
        number = around.index(f)
        return "itself" if number == 0 else ("around", number)
    seen: dict[int, Any] = {}

    def captured(value: Any) -> Any:
        return _Captured((f, *around), seen).key(value, 0)

    cells = tuple(captured(content) for content in contents(f))
    defaults = tuple(map(captured, f.__defaults__ or ()))
    kwdefaults = {name: captured(value) for name, value in (f.__kwdefaults__ or {}).items()}
    return ("<lambda>", code_key(f.__code__), cells, defaults, kwdefaults)


def contents(f: FunctionType) -> list[Any]:
    """What is in the cells of the closure of `f`; a variable that has no value yet is named."""
    contents = []
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(("no value", name))
    return contents


class _Captured:
    """What identifies the values that a function has captured."""

    def __init__(self, functions: tuple[Any, ...], seen: dict[int, Any]) -> None:
        self.functions = functions
        self.seen = seen  # by id: the values live at least as long as the function

    def key(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in ATOMS or isinstance(value, Node) or depth > _DEEPEST:
            return value
        if id(value) not in self.seen:
            self.seen[id(value)] = value  # for one that contains itself
            self.seen[id(value)] = self._new_key(value, kind, depth + 1)
        return self.seen[id(value)]

    def _new_key(self, value: Any, kind: type, depth: int) -> Any:
        if is_nameless(value):
            return _of_function(value, self.functions)
        if kind is ModuleType:
            return ("module", value.__name__)
        if kind is list or kind is tuple:
            keys = [self.key(item, depth) for item in value]
            return value if _are_same(keys, value) else kind(keys)
        if kind is dict:
            keys = [self.key(item, depth) for item in value.values()]
            return value if _are_same(keys, value.values()) else dict(zip(value, keys, strict=True))
        if method(value, "__jug_hash__") is not None:
            return value
        try:
            hash_one(value)
        except UnhashableError as error:
            if error.is_for_tasks:  # such as the object in whose method the function is
                return self._of_one_with_tasks(value, depth)
            return self._of_unhashable(value, depth)
        return value

    def _of_one_with_tasks(self, value: Any, depth: int) -> Any:
        stream = io.BytesIO()
        try:
            _PicklerOfNodes(stream, PROTOCOL).dump(value)
        except (*NOT_PICKLABLE, UnhashableError):
            return self._of_unhashable(value, depth)
        return ("with tasks", stream.getvalue())

    def _of_unhashable(self, value: Any, depth: int) -> Any:
        if type(value) is partial:
            return ("partial", *(self.key(part, depth) for part in (value.func, value.args, value.keywords)))
        if isinstance(value, type):
            functions = [what for what in vars(value).values() if type(what) is FunctionType]
            return (value.__qualname__, *(_of_function(f, self.functions) for f in functions))
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if name not in _warned_of:
            _warned_of.add(name)
            warn(
                f"the function of a tasklet has captured something of type {name}, which cannot be hashed: tasklets "
                "that differ only in that are taken for the same"
            )
        return ("of type", name, getattr(value, "name", None) if hasattr(value, "fileno") else None)


def _are_same(keys: list[Any], values: Any) -> bool:
    return all(one is other for one, other in zip(keys, values, strict=True))


class _PicklerOfNodes(_SetPickler):
    """A pickler that writes their hashes in place of nodes."""

    def persistent_id(self, obj: Any) -> Any:
        return hash_one(obj) if isinstance(obj, Node) else super().persistent_id(obj)


def code_key(code: CodeType) -> tuple[Any, ...]:
    """What a piece of code does, without where it stands."""
    constants = tuple(_of_constant(const) for const in code.co_consts)
    return (code.co_code, constants, code.co_names)


def _of_constant(const: Any) -> Any:
    if isinstance(const, CodeType):
        return code_key(const)
    return set(const) if type(const) is frozenset else const  # ``x in {1, 2}`` is compiled to a frozenset
