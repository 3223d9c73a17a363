"""Tasklets: cheap functions of results, computed each time that they are needed and never stored.

(Import them from :mod:`jug.task`; this is where they live.)
"""

from __future__ import annotations

from functools import partial, update_wrapper

from jug.hash import hash_one, new_hash_object, one, stream
from jug.hashing.walk import run_walk
from jug.words import nodes
from jug.words.short import number_of, short_inside

from .lambdas import key as key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any, Generic, ParamSpec, TypeVar

    from jug.backends.base import base_store

    P = ParamSpec("P")
    R = TypeVar("R")

    # `Any` as a base: a task may stand wherever what its function returns may.
    class Result(Any, Generic[R]):  # type: ignore[misc]
        ...
else:
    R = None

    class Result:
        """Stands for ``Generic[R]``, so that importing jug does not import `typing`."""

        __slots__ = ()

        def __class_getitem__(cls, item):
            return cls


class Indexable:
    """What tasks and tasklets have in common: ``x[i]`` is a tasklet, and iteration is refused."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Tasklet[Any]:
        return Tasklet(self, _getitem(index))

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(
            f"How many items the result of {self!s} has is not known before it is computed, so it cannot be iterated "
            "over: use jug.iteratetask(task, n) if you know that there are n, or jug.bvalue(task) to wait for it"
        )


class Tasklet(nodes.Node, Result[R], Indexable):
    """``f(value(base))``: computed each time that it is needed, never stored. `f` may be a lambda."""

    __slots__ = ("base", "f")

    def __init__(self, base: Any, f: Callable[[Any], R]) -> None:
        self.base = base
        self.f = f
        self._hash = None

    def __str__(self) -> str:
        return f"Tasklet: {self.label()}"

    def __repr__(self) -> str:
        return f"Tasklet({self.label()})"

    def label(self) -> str:
        steps: list[Any] = []
        node: Any = self
        while isinstance(node, Tasklet) and len(steps) < _MOST_STEPS:
            steps.append(node.f)
            node = node.base
        text = "..." if isinstance(node, Tasklet) else short_inside(node)
        for f in reversed(steps):
            text = _applied(f, text)
        return text

    def sources(self) -> tuple[Any, ...]:
        return (self.base, self.f)

    def parts(self) -> tuple[Any, ...]:
        return (self.base, self.f.slice) if type(self.f) is _getitem else (self.base,)

    def combine(self, values: list[Any]) -> Any:
        return values[0][values[1]] if type(self.f) is _getitem else self.f(values[0])

    def value(self) -> R:
        """Compute the value; raises NotFinishedError if a result that it needs is not there."""
        return nodes.value(self)  # type: ignore[no-any-return]

    def __jug_value__(self) -> R:
        return self.value()

    def __jug_dependencies__(self) -> Iterator[nodes.Node]:
        return self.dependencies()

    def can_load(self, store: base_store | None = None) -> bool:
        """True if all results that it needs are in the store."""
        return all(task.can_load(store) for task in nodes.direct_tasks((self,)))

    def unload(self) -> None:
        """Unload the tasks that it needs directly."""
        for task in nodes.direct_tasks((self,)):
            task.unload()

    def unload_recursive(self) -> None:
        """Unload all tasks that it depends on."""
        nodes.unload_all((self,))

    def __jug_hash__(self) -> bytes:
        return self._hash or run_walk(self.hash_walk())

    def hash_walk(self) -> Generator[Any, Any, Any]:
        M = new_hash_object()
        M.update(b"Tasklet")
        f = self.f
        with nodes.being_hashed(self):
            # An index may be another long chain of tasklets: its hash is computed by the same loop.
            key = _Hashed((yield one(f.identity()))) if type(f) is _getitem else key_of(f)
            yield stream(M, [("base", self.base), ("f", key)])
            self._hash = M.hexdigest().encode("ascii")
        return self._hash

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        return None, {"base": self.base, "f": self.f}

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        self.base, self.f = state[1]["base"], state[1]["f"]
        self._hash = None


class _Hashed:
    """Stands for something whose hash is known."""

    __slots__ = ("digest",)

    def __init__(self, digest: bytes) -> None:
        self.digest = digest

    def __jug_hash__(self) -> bytes:
        return self.digest


class _getitem:
    """The function of ``task[index]``; the index may itself be a task."""

    __slots__ = ("slice",)

    def __init__(self, slice: Any) -> None:
        self.slice = slice

    def __call__(self, obj: Any) -> Any:
        return obj[nodes.value(self.slice)]

    def __repr__(self) -> str:
        return f"jug.task._getitem({self.slice!r})"

    def identity(self) -> tuple[str, Any]:
        return ("jug.task._getitem", self.slice)

    def __jug_hash__(self) -> bytes:
        return hash_one(self.identity())

    def __jug_dependencies__(self) -> tuple[Any, ...]:
        return (self.slice,)


class iteratetask:
    """The sequence ``task[0], ..., task[n-1]``, for a task whose result is known to have `n` items."""

    def __init__(self, base: Any, n: int) -> None:
        self.base = base
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self.base[i] for i in range(*index.indices(self.n))]
        if not -self.n <= index < self.n:
            has = number_of(self.n, "item")
            raise IndexError(f"Item {index} of {self.base!s} is wanted, but it was said to have {has}")
        return self.base[index % self.n]


def _get_check(r: Any, i: int, n: int) -> Any:
    """Item `i` of the result `r`, which must have `n` items."""
    if len(r) != n:
        raise ValueError(f"A function marked with return_tuple({n}) returned {len(r)} values")
    return r[i]


def return_tuple(n: int) -> Callable[[Callable[P, Any]], Callable[P, tuple[Tasklet[Any], ...]]]:
    """Decorator over a TaskGenerator whose function returns `n` values: calling it gives a tuple of `n` tasklets.

    A result with another number of values raises ValueError where one of them is used.
    """

    def decorate(f: Callable[P, Any]) -> Callable[P, tuple[Tasklet[Any], ...]]:
        def call(*args: P.args, **kwargs: P.kwargs) -> tuple[Tasklet[Any], ...]:
            task = f(*args, **kwargs)
            return tuple(Tasklet(task, partial(_get_check, i=i, n=n)) for i in range(n))

        return update_wrapper(call, f)

    return decorate


# Of a long chain of tasklets, the last so many are shown in messages.
_MOST_STEPS = 8


def _applied(f: Any, text: str) -> str:
    """How `f` of `text` is written."""
    if type(f) is _getitem:
        return f"{text}[{short_inside(f.slice)}]"
    if isinstance(f, partial) and f.func is _get_check:
        return f"{text}[{f.keywords['i']}]"
    return f"{f if isinstance(f, str) else getattr(f, '__name__', short_inside(f))}({text})"


__all__ = ["Indexable", "Result", "Tasklet", "iteratetask", "return_tuple"]
