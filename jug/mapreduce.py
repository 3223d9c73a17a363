"""Map and reduce over sequences, with several elements to a task so that short computations are worth one.

The functions may be decorated with TaskGenerator; what is called is the function inside.
"""

from __future__ import annotations

from itertools import chain

from .hash import hash_one
from .task import Task, TaskGenerator
from .task_parts.naming import applies
from .task_parts.tasklet import Indexable, Tasklet
from .utils import identity
from .words.nodes import value
from .words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .backends.base import base_store

    Function = Callable[..., Any]

__all__ = ["currymap", "map", "mapreduce", "reduce"]

_builtin_map = map


def _get_function(f: Any) -> Any:
    return f.f if isinstance(f, TaskGenerator) else f


@applies(lambda task: task.args[:2])
def _jug_map_reduce(reducer: Any, mapper: Any, inputs: list[Any]) -> Any:
    reducer = _get_function(reducer)
    mapped = inputs if mapper is None else [_get_function(mapper)(e) for e in inputs]
    return _fold(reducer, mapped)


@applies(lambda task: task.args[:1])
def _jug_reduce(reducer: Any, inputs: Any) -> Any:
    return _fold(_get_function(reducer), chain(inputs))


@applies(lambda task: task.args[:1])
def _jug_map(mapper: Any, es: list[Any]) -> list[Any]:
    mapper = _get_function(mapper)
    return [mapper(e) for e in es]


@applies(lambda task: task.args[:1])
def _jug_map_curry(mapper: Any, es: list[Any]) -> list[Any]:
    mapper = _get_function(mapper)
    return [mapper(*e) for e in es]


def _fold(f: Function, elems: Any) -> Any:
    from functools import reduce as fold

    return fold(f, elems)


def _break_up(lst: Sequence[Any], step: int) -> Iterator[Any]:
    """Cut `lst` into pieces of `step` elements; the last one may be shorter."""
    for start in range(0, len(lst), step):
        yield lst[start : start + step]


def _sliceable(elems: Any) -> Any:
    """`elems` itself if it can be cut into slices (these keep their type, which counts for the hash), else a list."""
    try:
        len(elems)
        elems[0:0]
    except (TypeError, KeyError):
        return list(elems)
    return elems


def _check_step(name: str, step: int, least: int = 1) -> None:
    if step < least:
        raise ValueError(f"jug.mapreduce: {name} must be at least {least}, and is {step}")


def mapreduce(
    reducer: Function, mapper: Function | None, inputs: Any, map_step: int = 4, reduce_step: int = 8
) -> Task[Any]:
    """The task of ``functools.reduce(reducer, map(mapper, inputs))``, as a tree of smaller ones.

    Parameters
    ----------
    reducer : callable
        An associative function of two elements.
    mapper : callable or None
        A function of one element; None leaves the elements as they are.
    inputs : sequence
        May hold tasks.
    map_step, reduce_step : int
        How many elements are mapped, and how many partial results reduced, in one task.

    Empty `inputs` give ``identity([])``.
    """
    _check_step("map_step", map_step)
    _check_step("reduce_step", reduce_step, least=2)
    inputs = _sliceable(inputs)
    if not len(inputs):
        return identity([])
    level = [Task(_jug_map_reduce, reducer, mapper, piece) for piece in _break_up(inputs, map_step)]
    while len(level) > 1:
        level = [Task(_jug_reduce, reducer, piece) for piece in _break_up(level, reduce_step)]
    return level[0]


def reduce(reducer: Function, inputs: Any, reduce_step: int = 8) -> Task[Any]:
    """The task of ``functools.reduce(reducer, inputs)``, as a tree of smaller ones; see :func:`mapreduce`."""
    return mapreduce(reducer, None, inputs, reduce_step=reduce_step)


def map(mapper: Function, sequence: Any, map_step: int = 4) -> Any:
    """A sequence of the results of `mapper`, `map_step` of them to a task.

    The object that is returned has a length, can be indexed and sliced, and can be an argument of a task; with
    ``map_step=1`` it is a list of tasks.
    """
    _check_step("map_step", map_step)
    if map_step == 1:
        return [Task(_get_function(mapper), e) for e in sequence]
    return _blocks(_jug_map, mapper, sequence, map_step)


def currymap(mapper: Function, sequence: Any, map_step: int = 4) -> list[Any]:
    """A list of the results of `mapper`, called with the arguments that each element of `sequence` is a tuple of.

    As in :func:`map`, there are `map_step` of them to a task.
    """
    _check_step("map_step", map_step)
    if map_step == 1:
        return [Task(_get_function(mapper), *e) for e in sequence]
    return list(_blocks(_jug_map_curry, mapper, sequence, map_step))


def _blocks(map_function: Function, mapper: Any, sequence: Any, step: int) -> block_access:
    sequence = _sliceable(sequence)
    if isinstance(mapper, TaskGenerator):
        mapper = _HashedAs(mapper.f, hash_one(mapper))
    blocks: list[Task[Any]] = [Task(map_function, mapper, piece) for piece in _break_up(sequence, step)]
    return block_access(blocks, step, len(sequence))


class _HashedAs:
    """A function with the hash of the TaskGenerator that it was taken from."""

    def __init__(self, f: Any, digest: bytes) -> None:
        self.f = f
        self.digest = digest

    def __repr__(self) -> str:
        return f"{self.f.__module__}.{self.f.__qualname__}"

    def __jug_hash__(self) -> bytes:
        return self.digest

    def __jug_value__(self) -> Any:
        return self.f


class _sequence(Indexable):
    """What whole results of :func:`map` and their slices share."""

    __slots__ = ()

    _jug_is_sequence = True  # for jug.task_parts.values, where results are missing

    def __len__(self) -> int:
        raise NotImplementedError

    def _at(self, position: int) -> Tasklet[Any]:
        raise NotImplementedError

    def _slice(self, part: slice) -> block_access_slice:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"Item {index} of a jug.mapreduce.map of {number_of(len(self), 'element')} is wanted")
        return self._at(index % len(self))

    def __iter__(self) -> Iterator[Tasklet[Any]]:
        return (self._at(i) for i in range(len(self)))

    @property
    def len(self) -> int:
        """How many elements there are."""
        return len(self)

    def _needs(self) -> list[Task[Any]]:
        """The blocks that the elements are in."""
        raise NotImplementedError

    def can_load(self, store: base_store | None = None) -> bool:
        """True if the results of all elements are in the store."""
        return all(block.can_load(store) for block in self._needs())

    def __jug_dependencies__(self) -> list[Task[Any]]:
        return self._needs()


class block_access(_sequence):
    """The results of a :func:`map`: `len` elements in `blocks`, tasks of `block_size` elements each."""

    __slots__ = ("blocks", "block_size", "_len")

    def __init__(self, blocks: list[Task[Any]], block_size: int, len: int) -> None:
        self.blocks = blocks
        self.block_size = block_size
        self._len = len

    def __len__(self) -> int:
        return self._len

    def _at(self, position: int) -> Tasklet[Any]:
        block, offset = divmod(position, self.block_size)
        return self.blocks[block][offset]

    def _slice(self, part: slice) -> block_access_slice:
        return block_access_slice(self, range(self._len)[part])

    def _needs(self) -> list[Task[Any]]:
        return self.blocks

    def __jug_value__(self) -> list[Any]:
        return list(chain.from_iterable(value(self.blocks)))

    def __jug_hash__(self) -> bytes:
        return hash_one({"type": "map-access", "len": self._len, "blocks": self.blocks, "block_size": self.block_size})


class block_access_slice(_sequence):
    """The elements of `base` at `positions`, a range from `start` to `stop` in steps of `stride`."""

    __slots__ = ("base", "positions")

    def __init__(self, base: block_access, positions: range) -> None:
        self.base = base
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def _at(self, position: int) -> Tasklet[Any]:
        return self.base._at(self.positions[position])

    def _slice(self, part: slice) -> block_access_slice:
        return block_access_slice(self.base, self.positions[part])

    @property
    def start(self) -> int:
        return self.positions.start

    @property
    def stop(self) -> int:
        return self.positions.stop

    @property
    def stride(self) -> int:
        return self.positions.step

    def _block_numbers(self) -> list[int]:
        return sorted({position // self.base.block_size for position in self.positions})

    def _needs(self) -> list[Task[Any]]:
        return [self.base.blocks[number] for number in self._block_numbers()]

    def __jug_value__(self) -> list[Any]:
        step = self.base.block_size
        blocks = dict(zip(self._block_numbers(), value(self._needs()), strict=True))
        return [blocks[position // step][position % step] for position in self.positions]

    def __jug_hash__(self) -> bytes:
        return hash_one(
            {
                "type": "map-access-slice",
                "base": self.base,
                "start": self.start,
                "stop": self.stop,
                "stride": self.stride,
            }
        )
