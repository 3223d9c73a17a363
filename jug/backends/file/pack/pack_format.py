"""What is in a pack: one encoded dict of objects by name, in which every object may stay the bytes that it was.

To old releases this is a dict of objects: each entry is pickled as a call of ``decode``, which they make as they read.
Here the call is not made. In a pack that an old release wrote the objects are pickled right into the dict; they are
not made, either: see :class:`_Still`. So whoever opens a pack, or changes it, runs nobody's code and needs nobody's
classes, and an object that cannot be made any more costs only those who ask for it. A pack of which this cannot be
done is a damaged one, whatever unpickling would make of it.
"""

from __future__ import annotations

import copyreg
import functools
import importlib
import io
import pickle
import weakref
import zlib
from hashlib import blake2b

from jug.backends.encode import decode, decompress
from jug.backends.result_bytes.checksum import DIFFERS, is_meant_as_seal
from jug.backends.result_bytes.seal import SEAL_SIZE, Parts, Sum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from jug.backends.result_bytes.signature import Signer

    _Call: TypeAlias = tuple[weakref.ref["_Still"], Any, tuple[Any, ...]]

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
    found = _StillReader(payload[1:]).read()
    if not isinstance(found, dict):
        raise ValueError("it is no dict of objects")
    return {name: entry for name, entry in found.items() if isinstance(name, bytes)}


def write_pack(entries: dict[bytes, Any]) -> bytes:
    """The bytes of a pack with these entries, each of which gets a checksum if it has none."""
    return _encoded({name: _sealed(name, packed(entry)) for name, entry in entries.items()})


def packed(entry: Any) -> Packed:
    """The encoded form of an entry; its signature and its checksum follow, if it has them."""
    return entry if type(entry) is Packed else Packed(_encoded(entry))


def new_entry(name: bytes, body: bytes, signature: bytes = b"") -> Packed:
    """The entry of the task `name` for an encoded object, which is not empty."""
    return Packed(body + signature + _seal(name, body + signature))


def parts_of(name: bytes, entry: Any) -> Parts:
    """The encoded form of an entry and its signature; ``ValueError`` if the checksum is wrong."""
    data = bytes(packed(entry))
    if not data:
        raise ValueError("it is empty")
    if not _is_sealed(data):
        return Parts(data, len(data), 0, is_sealed=False)
    at = len(data) - SEAL_SIZE
    if data[at:] != _seal(name, data[:at]):
        raise ValueError(DIFFERS)
    return Parts(data, at, 0, is_sealed=True)


def check_entry(name: bytes, entry: Any, signer: Signer | None = None) -> Parts:
    """The same of an entry that is whole; raises as :func:`jug.backends.result_bytes.result_file.read_result` does if
    it is not."""
    parts = parts_of(name, entry)
    if decompress(parts.body, exact=True)[:1] not in (b"P", b"N"):
        raise ValueError("not an encoded object")
    if signer:
        signer.check(parts)
    return parts


def signed(name: bytes, entry: Any, signer: Signer) -> Packed:
    """The entry with a signature, in place of another one if need be."""
    body = bytes(parts_of(name, entry).body)
    return new_entry(name, body, signer.seal(body))


def _sealed(name: bytes, entry: Packed) -> Packed:
    if _is_sealed(entry):
        return entry
    try:
        check_entry(name, entry)
    except ValueError:
        return entry  # which is not to look whole
    return new_entry(name, bytes(entry))


def _is_sealed(data: bytes) -> bool:
    return len(data) >= SEAL_SIZE and is_meant_as_seal(data[-SEAL_SIZE:], len(data))


def _seal(name: bytes, data: bytes) -> bytes:
    # The name is part of it: the zlib stream of a damaged pack can have whole entries at wrong places.
    total = Sum(hash=blake2b(len(name).to_bytes(8, "big") + name, digest_size=16, person=b"jug entry"))
    total.update(data)
    return total.seal()


def _encoded(entry: Any) -> bytes:
    stream = io.BytesIO()
    _StillWriter(stream, pickle.HIGHEST_PROTOCOL).dump(entry)
    return zlib.compress(b"P" + stream.getvalue())


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
    setter: Any  # a function that is called with the object and its state, for what it does to the object

    calls: list[_Call]

    def __call__(self, *args: Any) -> _Still:
        still = _made(type(self), self, *args)
        self.calls.append((weakref.ref(still), self, args))
        return still

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        self.items.append(item)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs.append((key, value))


def _made(kind: type[_Still], function: Any, *args: Any) -> _Still:
    still = object.__new__(kind)
    still.how, still.state, still.items, still.pairs, still.setter = (function, args), None, [], [], None
    return still


class _Name(type):
    """In place of a class or a function: where it would be looked for. A type, since unpicklers insist on that."""

    calls: list[_Call]
    place: tuple[str, str]

    def __call__(cls, *args: Any) -> _Still:
        still = _made(cls, cls, *args)  # type: ignore[arg-type]
        cls.calls.append((weakref.ref(still), cls, args))
        return still


def _keep(function: Any, args: tuple[Any, ...]) -> None:
    """A call was made for what it does to an object: it is part of how this is made."""
    thing = args[0] if len(args) == 2 else None
    if not isinstance(thing, _Still) or thing.setter is not None or thing.state is not None:
        raise ValueError("a call was made that is part of no object")
    thing.setter, thing.state = function, args[1]


class _StillReader(pickle.Unpickler):
    def __init__(self, payload: bytes) -> None:
        super().__init__(io.BytesIO(payload))
        self._names: dict[tuple[str, str], Any] = {}
        self._calls: list[_Call] = []

    def read(self) -> Any:
        found = self.load()
        for made, function, args in self._calls:
            if made() is None:  # nobody wanted what it returned
                _keep(function, args)
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
            made = *thing.how, thing.state, iter(thing.items), iter(thing.pairs)
            return made if thing.setter is None else (*made, thing.setter)
        return NotImplemented
