"""What is in a pack: one encoded dict of objects by name, in which every object may stay the bytes that it was.

To old releases this is a dict of objects: each entry is pickled as a call of ``decode``, which they make as they read.
Here the call is not made. In a pack that an old release wrote the objects are pickled right into the dict; they are
not made, either: see :class:`_Still`. So whoever opens a pack, or changes it, runs nobody's code and needs nobody's
classes, and an object that cannot be made any more costs only those who ask for it.
"""

from __future__ import annotations

import copyreg
import functools
import importlib
import io
import pickle
import weakref
import zlib

from .encode import decode, decompress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DECODE = decode.__module__, decode.__qualname__


class Packed(bytes):
    """An object in its encoded form; whoever unpickles it elsewhere gets the object."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return decode, (bytes(self),)


def read_pack(data: bytes) -> dict[bytes, Any]:
    """The entries of a pack by name, each of which is for :func:`packed`.

    Raises whatever unpickling raises if nothing can be made of `data`.
    """
    payload = decompress(data)
    if payload[:1] != b"P":
        raise ValueError("it is no dict of objects")
    try:
        found = _StillReader(payload[1:]).read()
    except Exception:  # noqa: BLE001  (hardly ever: a pickle that has to be run to be followed)
        found = _Reader(io.BytesIO(payload[1:])).load()
    if not isinstance(found, dict):
        raise ValueError("it is no dict of objects")
    return {name: entry for name, entry in found.items() if isinstance(name, bytes)}


def write_pack(entries: dict[bytes, Any]) -> bytes:
    """The bytes of a pack with these entries."""
    return _encoded({name: packed(entry) for name, entry in entries.items()})


def packed(entry: Any) -> Packed:
    """The encoded form of an entry."""
    return entry if type(entry) is Packed else Packed(_encoded(entry))


def _encoded(entry: Any) -> bytes:
    stream = io.BytesIO()
    _StillWriter(stream, pickle.HIGHEST_PROTOCOL).dump(entry)
    return zlib.compress(b"P" + stream.getvalue())


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return Packed if (module, name) == _DECODE else super().find_class(module, name)


class _Still:
    """In place of an object: what an unpickler would do to make it, for a pickler to write down again."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Still:
        if kwargs:
            return _made(cls, copyreg.__newobj_ex__, cls, args, kwargs)  # type: ignore[attr-defined]
        return _made(cls, copyreg.__newobj__, cls, *args)  # type: ignore[attr-defined]

    how: tuple[Any, tuple[Any, ...]]
    state: Any
    items: list[Any]
    pairs: list[tuple[Any, Any]]

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        self.items.append(item)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs.append((key, value))


def _made(kind: type[_Still], function: Any, *args: Any) -> _Still:
    still = object.__new__(kind)
    still.how, still.state, still.items, still.pairs = (function, args), None, [], []
    return still


class _Name(type):
    """In place of a class or a function: where it would be looked for. A type, since unpicklers insist on that."""

    calls: list[weakref.ref[_Still]]
    place: tuple[str, str]

    def __call__(cls, *args: Any) -> _Still:
        still = _made(_Still, cls, *args)
        cls.calls.append(weakref.ref(still))
        return still


class _StillReader(pickle.Unpickler):
    def __init__(self, payload: bytes) -> None:
        super().__init__(io.BytesIO(payload))
        self._names: dict[tuple[str, str], Any] = {}
        self._calls: list[weakref.ref[_Still]] = []

    def read(self) -> Any:
        found = self.load()
        if not all(call() for call in self._calls):
            raise ValueError("a call was made for what it does to another object")
        return found

    def find_class(self, module: str, name: str) -> Any:
        place = module, name
        if place == _DECODE:
            return Packed
        if place not in self._names:
            self._names[place] = _Name("_Named", (_Still,), {"place": place, "calls": self._calls})
        return self._names[place]


class _StillWriter(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if type(thing) is _Name:
            module, name = thing.place
            return functools.reduce, (getattr, name.split("."), _made(_Still, importlib.import_module, module))
        if isinstance(thing, _Still):
            return (*thing.how, thing.state, iter(thing.items), iter(thing.pairs))
        return NotImplemented
