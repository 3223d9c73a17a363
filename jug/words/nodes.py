"""What jug looks inside: the one place that knows where tasks hide in the arguments of other tasks.

Tasks are found in lists, tuples, the values of dicts and in what an object's ``__jug_dependencies__()`` returns,
however deeply nested. Nothing here recurses: a list nested 10,000 deep and a chain of 100,000 tasks take the same
code, and time that is linear in their size. Containers are exactly ``list``, ``tuple`` and ``dict``, and the subclasses
of dict that :mod:`jug.words.mappings` knows; others may mean something else by their items and are left alone. A task
in one of these is noticed when its argument is hashed, since it is pickled then, and refused (:mod:`jug.words.unseen`).

A node is an object in the graph of computations. A *task* has a result in the store; any other node (a tasklet) is
computed from its *parts* each time that it is needed.
"""

from __future__ import annotations

from . import mappings
from .protocol import method
from .unseen import NodeInside, pickling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import Any

# The types that most arguments have: nothing to look for inside.
ATOMS: frozenset[type] = frozenset({int, float, complex, bool, str, bytes, type(None)})

# With this many open containers, one that contains itself is looked for; legitimate ones only pay at such a depth.
CYCLE_CHECK_DEPTH = 1 << 16


#: While a task runs of which it matters what else its function reads: the tasks whose values have been asked for.
reads: list[TaskNode] | None = None


class Node:
    """A vertex of the graph of computations.

    ``_hash`` is its hash once that is known, else None.
    """

    __slots__ = ("_hash",)
    _hash: bytes | None

    def label(self) -> str:
        """What the node is called in messages."""
        raise NotImplementedError

    def hash_walk(self) -> Generator[Any, Any, Any]:
        """Compute, keep and return the hash (a generator, run by :mod:`jug.hash` so that chains do not recurse)."""
        raise NotImplementedError

    def dependencies(self) -> Iterator[Node]:
        """Iterate over the tasks (of a tasklet: and tasklets) that this one needs directly: in order, each once."""
        return iter(direct(self.sources()))

    def __reduce_ex__(self, protocol: Any) -> Any:
        if pickling.is_refused:
            raise NodeInside
        return super().__reduce_ex__(protocol)

    def sources(self) -> tuple[Any, ...]:
        """The objects in which its dependencies are found."""
        raise NotImplementedError

    def parts(self) -> tuple[Any, ...]:
        """The objects whose values :meth:`combine` needs (not called for tasks)."""
        raise NotImplementedError

    def combine(self, values: list[Any]) -> Any:
        """The value of this node, from those of its parts (not called for tasks)."""
        raise NotImplementedError


class TaskNode(Node):
    """A node with a result in the store."""

    __slots__ = ()

    def hash(self) -> bytes:
        """The name of the result in the store."""
        raise NotImplementedError

    def value(self) -> Any:
        """The result, loaded from the store if need be."""
        raise NotImplementedError

    def can_load(self, store: Any = None) -> bool:
        """True if the result is in the store."""
        raise NotImplementedError

    def is_loaded(self) -> bool:
        """True if the result is in memory."""
        raise NotImplementedError

    def adopt(self, result: Any) -> None:
        """Take `result` as what is in the store, which the caller has read."""
        raise NotImplementedError

    def unload(self) -> None:
        """Forget the result in memory."""
        raise NotImplementedError


def inside(obj: Any) -> Iterable[Any] | None:
    """The objects directly inside `obj`, or None if jug does not look inside it."""
    kind: Any = type(obj)
    if kind is list or kind is tuple:
        return obj  # type: ignore[no-any-return]
    if kind is dict:
        return obj.values()  # type: ignore[no-any-return]
    special = method(obj, "__jug_dependencies__")
    if special is not None:
        return special()  # type: ignore[no-any-return]
    return obj.values() if mappings.is_mapping(obj) else None


def leading_to_nodes(root: Any) -> dict[int, Any]:
    """Of `root` and all that is looked through inside, what leads to a node, by id."""
    leading: dict[int, Any] = {}
    opened: dict[int, Any] = {}
    stack: list[tuple[Any, Iterator[Any]]] = [(None, iter((root,)))]
    while stack:
        for obj in stack[-1][1]:
            if type(obj) in ATOMS:
                continue
            if isinstance(obj, Node) or id(obj) in leading:
                _mark_above(stack, leading)
            elif id(obj) not in opened and (items := inside(obj)) is not None:
                opened[id(obj)] = obj
                stack.append((obj, iter(items)))
                break
        else:
            stack.pop()
    return leading


def _mark_above(stack: list[tuple[Any, Iterator[Any]]], leading: dict[int, Any]) -> None:
    for obj, _ in reversed(stack):
        if id(obj) in leading:
            return  # and so is all that is above
        leading[id(obj)] = obj


def direct(roots: Iterable[Any]) -> list[Node]:
    """The nodes in `roots` that can be reached without passing through another node: in order, each once."""
    return _search(roots, Node, inside)


def direct_tasks(roots: Iterable[Any]) -> list[TaskNode]:
    """The tasks in `roots` that can be reached without passing through another task: in order, each once."""
    return _search(roots, TaskNode, _inside_tasklets)  # type: ignore[return-value]


def tasks_to_load(roots: Iterable[Any]) -> list[TaskNode]:
    """The tasks whose results are needed for the value of `roots`: not all are that it depends on."""
    return _search(roots, TaskNode, _parts_of_tasklets)  # type: ignore[return-value]


def _parts_of_tasklets(obj: Any) -> Iterable[Any] | None:
    return obj.parts() if isinstance(obj, Node) else inside(obj)


def _inside_tasklets(obj: Any) -> Iterable[Any] | None:
    return obj.sources() if isinstance(obj, Node) else inside(obj)


def _search(roots: Iterable[Any], target: type, look: Callable[[Any], Iterable[Any] | None]) -> list[Node]:
    """The objects of type `target`; in others, `look` is used to look inside."""
    if type(roots) is tuple and ATOMS.issuperset(map(type, roots)):
        return []  # as for most tasks without dependencies
    found: dict[int, Node] = {}
    opened: dict[int, Any] = {}  # holds the containers, so that their ids stay theirs
    stack: list[Iterator[Any]] = [iter(roots)]
    while stack:
        for obj in stack[-1]:
            kind = type(obj)
            if kind in ATOMS or (kind is dict and not obj):
                continue
            if isinstance(obj, target):
                found[id(obj)] = obj  # type: ignore[assignment]
            # Most containers are lists and tuples: for them a call is saved.
            elif id(obj) not in opened and (items := obj if kind is list or kind is tuple else look(obj)) is not None:
                opened[id(obj)] = obj
                stack.append(iter(items))
                break
        else:
            stack.pop()
    return list(found.values())


def post_order(roots: Iterable[Node]) -> Iterator[Node]:
    """Iterate over all nodes below `roots` and these themselves: each once, after those that it depends on.

    Raises
    ------
    ValueError
        A node depends on itself (its arguments were changed after it was made).
    """
    state: dict[int, tuple[Node, bool]] = {}  # id -> (node, is it finished?)
    stack: list[tuple[Node | None, Iterator[Node]]] = [(None, iter(roots))]
    while stack:
        parent, children = stack[-1]
        for node in children:
            seen = state.get(id(node))
            if seen is None:
                state[id(node)] = (node, False)
                stack.append((node, iter(node.dependencies())))
                break
            if not seen[1]:
                raise ValueError(f"{node!s} depends on itself")
        else:
            stack.pop()
            if parent is not None:
                state[id(parent)] = (parent, True)
                yield parent


class _Frame:
    """A container or a tasklet whose value is being put together."""

    __slots__ = ("build", "items", "key", "values")

    def __init__(self, key: int, items: Iterable[Any], build: Callable[[list[Any]], Any]) -> None:
        self.key = key
        self.items = iter(items)
        self.build = build
        self.values: list[Any] = []


def _open(obj: Any) -> _Frame | None:
    """The frame of an object, no task, whose value depends on others; None for one that has its value at hand."""
    kind = type(obj)
    if kind is list:
        return _Frame(id(obj), obj, _same)
    if kind is tuple:
        return _Frame(id(obj), obj, tuple)
    if kind is dict:
        return _Frame(id(obj), obj.values(), lambda values: dict(zip(obj, values, strict=True)))
    if isinstance(obj, Node):
        return _Frame(id(obj), obj.parts(), obj.combine)
    if mappings.is_mapping(obj) and method(obj, "__jug_value__") is None:
        return _Frame(id(obj), obj.values(), lambda values: mappings.like(obj, values))
    return None


def _same(values: list[Any]) -> list[Any]:
    return values


def value(elem: Any) -> Any:
    """The value of `elem`: each task in it (nested in lists, tuples, dicts, tasklets) replaced by its result.

    Lists and dicts (of the kinds that are looked through) are always copied, so that a function that changes its
    arguments does not change those of the task; one that occurs several times becomes one copy that occurs as often.

    Raises
    ------
    NotFinishedError
        A task in it has no result yet.
    ValueError
        A container contains itself.
    """
    # The arguments of most tasks are of these kinds.
    kind = type(elem)
    if kind in ATOMS or (kind is tuple and ATOMS.issuperset(map(type, elem))):
        return elem
    if kind is dict and not elem:
        return {}
    return evaluate(elem, _fill)


def evaluate(elem: Any, fill: Callable[[_Frame, dict[int, Any]], _Frame | None]) -> Any:
    """The value of `elem`, where `fill` finds the values of what is inside a frame: see :func:`_fill`."""
    outermost = _Frame(0, (elem,), _same)
    done: dict[int, Any] = {}  # by id: the objects live at least as long as `elem` does
    stack = [outermost]
    while stack:
        frame = stack[-1]
        opened = fill(frame, done)
        if opened is not None:
            stack.append(opened)
            if len(stack) % CYCLE_CHECK_DEPTH == 0 and len({f.key for f in stack}) < len(stack):
                raise ValueError("A list, tuple or dict among the arguments contains itself")
            continue
        stack.pop()
        if stack:
            done[frame.key] = result = frame.build(frame.values)
            stack[-1].values.append(result)
    return outermost.values[0]


def _fill(frame: _Frame, done: dict[int, Any]) -> _Frame | None:
    """Put values into `frame` until it is complete (None) or another frame must be completed first (that one)."""
    append = frame.values.append
    for obj in frame.items:
        if type(obj) in ATOMS:
            append(obj)
        elif isinstance(obj, TaskNode):
            append(obj.value())
        elif id(obj) in done:
            append(done[id(obj)])
        else:
            opened = _open(obj)
            if opened is not None:
                return opened
            special = method(obj, "__jug_value__")
            append(obj if special is None else special())
    return None


def unload_all(roots: Iterable[Any]) -> None:
    """Forget the results of all tasks at and below `roots`."""
    for node in post_order(direct(roots)):
        if isinstance(node, TaskNode):
            node.unload()


class being_hashed:
    """Context in which the hash of `node` is computed: finding it in there means that it depends on itself."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def __enter__(self) -> None:
        if self.node._hash is _BEING_HASHED:
            raise ValueError(f"{self.node!s} depends on itself")
        self.node._hash = _BEING_HASHED

    def __exit__(self, *exc_info: object) -> None:
        if self.node._hash is _BEING_HASHED:
            self.node._hash = None


_BEING_HASHED = b""
