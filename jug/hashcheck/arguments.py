"""Arguments whose hash changes: looked for, and named with their place in the call.

A task is found again by the hash of its arguments, so a worker that gets another hash for the same argument finds
nothing of what others have done. A :class:`Guard` looks at the arguments as :mod:`jug.hash` does (item by item in
lists, tuples, dicts, sets and arrays of objects), and asks :mod:`jug.hashcheck.roundtrip` about each part that is
hashed as a whole. :class:`WatchedTasks` also remembers what the arguments were when a task was made.

Tasks and tasklets among the arguments are passed by: their own arguments are looked at where they are tasks
themselves. What is shared by many tasks is looked at once. Nothing recurses.
"""

from __future__ import annotations

import pickle

from jug.hash import PROTOCOL, _is_array, hash_one, hides_tasks, new_hash_object
from jug.words import mappings
from jug.words.nodes import ATOMS, Node, leading_to_nodes
from jug.words.places import ELEMENT, ITEM, KEY, describe_place, general_place
from jug.words.protocol import method

from .roundtrip import Difference, difference, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    from jug.words.places import Step

    Chain: TypeAlias = tuple[Step, "Chain"] | None
    Mark: TypeAlias = tuple[bytes, bytes]
    Found: TypeAlias = list[tuple[Chain, Difference]]

# Why it matters and what to do, once for all that is found.
ADVICE = (
    "The result of a task is found by the hash of its arguments: if that changes, the task is run again. Pass plain "
    "values in their place (numbers, strings, lists, dicts, arrays), or give the class a method __jug_hash__() that "
    "returns bytes which identify the object, or wrap the object in jug.utils.CustomHash (or in jug.unsafe.NoHash, if "
    "it has no influence on the result)"
)
CHANGED = "was changed after the task had been made, so that the task is now another one (pass a copy)"

_MOST_PER_CONTAINER = 10


class Unstable:
    """Something in the arguments of a task whose hash changes.

    Attributes
    ----------
    place : str
        Such as ``argument 'data'['table'][3].name``.
    kind_of_place : str
        The same for all items of a container: ``argument 'data'[...][...].name``.
    type, what : str
        Its type, and a few words of it.
    reason : str
        What happens to its hash.
    is_harmless : bool
        True if nothing is lost as long as the jugfile makes the object, and does not load it from a result, and nobody
        changes the versions of libraries.
    """

    __slots__ = ("_found", "is_harmless", "kind_of_place", "place", "reason", "type")

    def __init__(self, task: Any, argument: int | str, steps: list[Step], found: Difference) -> None:
        self.place = describe_place(task.f, argument, steps)
        self.kind_of_place = general_place(task.f, argument, steps)
        self.type = found.type
        self._found = found
        self.reason = found.reason
        self.is_harmless = found.is_harmless

    @property
    def what(self) -> str:
        return self._found.what

    def __str__(self) -> str:
        return f"{self.place} ({self.what}, of type {self.type}) {self.reason}"


class _Frame:
    """A container that is being looked through, and what was found in it so far."""

    __slots__ = ("found", "items", "obj", "step")

    def __init__(self, obj: Any, step: Step, items: Iterator[tuple[Step, Any]]) -> None:
        self.obj = obj
        self.step = step
        self.items = items
        self.found: Found = []

    def add(self, step: Step, found: Found) -> None:
        room = _MOST_PER_CONTAINER - len(self.found)
        self.found += [((step, rest), one) for rest, one in found[:room]]


_START: Step = (ITEM, None)


class Guard:
    """Looks at the arguments of one task after the other, and remembers what it has seen.

    Parameters
    ----------
    also : callable, optional
        What finds something more to say of an object that is hashed as a whole.
    """

    def __init__(self, also: Callable[[Any], Difference | None] = lambda obj: None) -> None:
        self._also = also
        self._known: dict[int, tuple[Any, Found]] = {}  # with the objects, so that their ids stay theirs

    def unstable(self, task: Any) -> list[Unstable]:
        """What is unstable in the arguments of `task` (of many things in one container, the first few)."""
        found: list[Unstable] = []
        for argument, value in _mutable_arguments(task):
            for chain, one in self._look(value):
                found.append(Unstable(task, argument, [*_steps(chain), *one.steps], one))
        return found

    def _look(self, root: Any) -> Found:
        outermost = _Frame(None, _START, iter([(_START, root)]))
        frames = [outermost]
        while frames:
            frame = frames[-1]
            opened = self._go_on(frame)
            if opened is not None:
                frames.append(opened)
                continue
            frames.pop()
            if frames:
                self._known[id(frame.obj)] = (frame.obj, frame.found)
                frames[-1].add(frame.step, frame.found)
        return [(chain[1], one) for chain, one in outermost.found if chain is not None]

    def _go_on(self, frame: _Frame) -> _Frame | None:
        """Look at what is left in `frame`, until something must be opened first (which is returned)."""
        known = self._known
        for step, obj in frame.items:
            if type(obj) in ATOMS or isinstance(obj, Node):
                continue
            seen = known.get(id(obj))
            if seen is None:
                items = _hashed_items(obj)
                wrong = [] if items is not None else self._wrong_with(obj)
                seen = known[id(obj)] = (obj, [(None, one) for one in wrong])
                if items is not None:
                    return _Frame(obj, step, items)
            if seen[1]:
                frame.add(step, seen[1])
        return None

    def _wrong_with(self, obj: Any) -> list[Difference]:
        wrong = difference(obj)
        more = self._also(obj) if wrong is None or wrong.is_harmless else None
        return [one for one in (wrong, more) if one is not None]


def _mutable_arguments(task: Any) -> Iterator[tuple[int | str, Any]]:
    """The arguments whose hash can change, by position or name."""
    if getattr(type(task).__jug_hash__, "__module__", "") != "jug.task":
        return  # it has an identity of its own, whatever its arguments are
    for pairs in (enumerate(task.args), task.kwargs.items()):
        for argument, value in pairs:
            if type(value) not in ATOMS and not isinstance(value, Node):
                yield argument, value


def _steps(chain: Chain) -> list[Step]:
    steps = []
    while chain is not None:
        steps.append(chain[0])
        chain = chain[1]
    return steps


def _hashed_items(obj: Any) -> Iterator[tuple[Step, Any]] | None:
    """What is hashed item by item in `obj`, with the step that leads to it; None if `obj` is hashed as a whole."""
    kind = type(obj)
    if kind is list or kind is tuple:
        return _numbered(obj)
    if kind is dict or _is_opened(obj):
        return None if hides_tasks(obj) else _items_of_dict(obj)
    if kind is set or kind is frozenset:
        return None if hides_tasks(obj) else (((ELEMENT, None), item) for item in obj)
    if _is_array(kind):
        items = obj.ravel().tolist() if obj.dtype.hasobject else ()
        return None if hides_tasks(items) else _numbered(items)
    return None


def _is_opened(obj: Any) -> bool:
    """True for a mapping that is hashed as a dict is, since there are tasks in it."""
    return mappings.is_mapping(obj) and method(obj, "__jug_hash__") is None and id(obj) in leading_to_nodes(obj)


def _numbered(items: Any) -> Iterator[tuple[Step, Any]]:
    return (((ITEM, i), item) for i, item in enumerate(items) if type(item) not in ATOMS)


def _items_of_dict(obj: dict[Any, Any]) -> Iterator[tuple[Step, Any]]:
    for key, item in obj.items():
        if type(key) not in ATOMS:
            yield (KEY, None), key
        if type(item) not in ATOMS:
            yield (ITEM, key), item


# What arguments were, once


def marks(task: Any) -> dict[int | str, Mark]:
    """For each argument that can change, a digest of what it is now; tasks in it are not hashed for that."""
    return {argument: mark(value) for argument, value in _mutable_arguments(task)}


def changed(task: Any, before: dict[int | str, Mark]) -> list[Unstable]:
    """The arguments that are not what they were when `before` was made by :func:`marks`."""
    now = dict(_mutable_arguments(task)) if before else {}
    return [
        Unstable(task, argument, [], Difference(now[argument], CHANGED, []))
        for argument, known in before.items()
        if argument in now and differ(mark(now[argument]), known)
    ]


def differ(one: Mark, other: Mark) -> bool:
    """Whether two marks of one object, from before and after, say that it was changed."""
    return one[0] != other[0] and one[1] != other[1]


def mark(root: Any, in_order: bool = False) -> Mark:
    """Two digests of what `root` is now: one of the hashes of its parts, and one of their values.

    With `in_order`, the order of the items of a dict counts: a function sees it, although the hash of an argument does
    not depend on it.
    """
    M, settled = new_hash_object(), new_hash_object()
    opened: dict[int, int] = {}
    stack = [iter((root,))]
    while stack:
        for obj in stack[-1]:
            kind = type(obj)
            inside = None if kind in ATOMS else _open(obj, in_order)
            is_new = inside is not None and id(obj) not in opened
            if inside is None:
                here, there = _marks_of_one(obj)
            else:
                here = there = f"{kind.__name__} {len(inside)} {opened.setdefault(id(obj), len(opened))} ".encode()
            M.update(here)
            settled.update(there)
            if is_new:  # one that is met again is as it was the first time, or still open
                stack.append(iter(inside or ()))
                break
        else:
            stack.pop()
    return M.digest(), settled.digest()


def _open(obj: Any, in_order: bool) -> Any:
    """The items of a container, those of a dict sorted as in its hash, or as they are (`in_order`); else None."""
    kind = type(obj)
    if kind is list or kind is tuple:
        return obj
    if kind is dict or _is_opened(obj):
        pairs = [(_mark_of_one(key), value) for key, value in obj.items()]
        if not in_order:
            pairs.sort(key=_first)
        return [part for pair in pairs for part in pair]
    if kind is set or kind is frozenset:
        return sorted(_mark_of_one(item) for item in obj)
    if _is_array(kind) and obj.dtype.hasobject:
        return obj.ravel().tolist()
    return None


def _first(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def _mark_of_one(obj: Any) -> bytes:
    # A task may still be given another name, and its hash is final once it was asked for.
    if isinstance(obj, Node) or method(obj, "__jug_dependencies__") is not None:
        return id(obj).to_bytes(8, "big")
    try:
        return hash_one(obj)
    except Exception:  # noqa: BLE001  (the user's code; that it cannot be hashed is told elsewhere)
        return b""


def _marks_of_one(obj: Any) -> Mark:
    if type(obj) in ATOMS:
        digest = pickle.dumps(obj, PROTOCOL)
        return digest, digest
    digest = _mark_of_one(obj)
    if not digest or isinstance(obj, Node) or _is_array(type(obj)) or method(obj, "__jug_dependencies__") is not None:
        return digest, digest
    try:
        return digest, value_of(obj)
    except Exception:  # noqa: BLE001  (as above)
        return digest, digest


class WatchedTasks(list["Any"]):
    """A list for `jug.task.alltasks` that remembers what the arguments of each task were when it was made."""

    def __init__(self, tasks: Iterable[Any] = (), namesakes: list[str] | None = None) -> None:
        super().__init__(tasks)
        self.namesakes = namesakes  # see jug.task_parts.namesakes
        self._made: dict[int, tuple[Any, dict[int | str, Mark]]] = {}

    def append(self, task: Any) -> None:
        super().append(task)
        before = marks(task)
        if before:
            self._made[id(task)] = (task, before)

    def __delitem__(self, index: Any) -> None:
        super().__delitem__(index)
        if not self:
            self._made.clear()

    def made(self, task: Any) -> dict[int | str, Mark]:
        """The marks of the arguments of `task` when it was made."""
        return self._made.get(id(task), (task, {}))[1]

    def changed(self, task: Any) -> list[Unstable]:
        """The arguments of `task` that have been changed since it was made."""
        return changed(task, self.made(task))


def complaint(task: Any, tasks: list[Any]) -> str:
    """What is unstable in the arguments of `task`, which is one of `tasks`, and what to do; empty if nothing is."""
    found = tasks.changed(task) if isinstance(tasks, WatchedTasks) else []
    found += [one for one in Guard().unstable(task) if not one.is_harmless]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{task.name}: {found[0]}{more}. {ADVICE}" if found else ""
