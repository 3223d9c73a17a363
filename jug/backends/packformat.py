"""What is in a pack: one encoded dict of objects by name, in which every object may stay the bytes that it was.

To old releases this is a dict of objects: each entry is pickled as a call of ``decode``, which they make as they read.
Here the call is not made. So opening a pack runs nobody's code and needs nobody's classes, taking an entry out of it
neither, and whoever loads an entry gets an object of its own.
"""

from __future__ import annotations

import io
import pickle

from ..errors import StoreError
from .encode import decode, decompress, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DECODE = decode.__module__, decode.__qualname__


class Packed(bytes):
    """An object in its encoded form; whoever unpickles it elsewhere gets the object."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return decode, (bytes(self),)


class Unreadable:
    """In place of an object, from a pack of an old release, that cannot be unpickled (yet): why."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return Packed if (module, name) == _DECODE else super().find_class(module, name)


class _LenientReader(_Reader):
    """Puts something of no use in the place of what cannot be imported."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except Exception as error:  # noqa: BLE001  (importing runs the user's code)
            return type(name, (_Nothing,), {"error": error})


class _Nothing:
    """Takes whatever an unpickler does to an object, and cannot be pickled again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def __reduce__(self) -> Any:
        raise _Lost(self.error)  # type: ignore[attr-defined]


class _Lost(Exception):
    """Holds why an object is none."""


def read_pack(data: bytes) -> dict[bytes, Any]:
    """The entries of a pack by name: Packed, objects (from an old release), or Unreadable.

    Raises whatever unpickling raises if nothing can be made of `data`.
    """
    payload = decompress(data)
    if payload[:1] != b"P":
        raise ValueError("it is no dict of objects")
    try:
        return _named(_Reader(io.BytesIO(payload[1:])).load())
    except (ImportError, AttributeError) as error:
        try:
            entries = _named(_LenientReader(io.BytesIO(payload[1:])).load())
        except Exception:  # noqa: BLE001  (the first error says more)
            raise error from None
    return {name: _checked(entry) for name, entry in entries.items()}


def write_pack(entries: dict[bytes, Any]) -> bytes:
    """The bytes of a pack with these entries; StoreError if one of them is Unreadable."""
    for name, entry in entries.items():
        if type(entry) is Unreadable:
            raise StoreError(f"the object of {name.decode()} in it cannot be read here ({entry.error})")
    return encode({name: _packed(entry) for name, entry in entries.items()})


def unpack(entry: Any) -> Any:
    """The object of an entry: a new one each time, so that what the caller does to it is not seen by the next."""
    if type(entry) is Packed:
        return decode(entry)
    if type(entry) is Unreadable:
        raise entry.error
    return pickle.loads(pickle.dumps(entry, pickle.HIGHEST_PROTOCOL))


def _named(found: Any) -> dict[bytes, Any]:
    if not isinstance(found, dict):
        raise ValueError("it is no dict of objects")
    return {name: entry for name, entry in found.items() if isinstance(name, bytes)}


def _packed(entry: Any) -> Packed:
    return entry if type(entry) is Packed else Packed(encode(entry))


def _checked(entry: Any) -> Any:
    try:
        return _packed(entry)
    except _Lost as lost:
        return Unreadable(lost.args[0])
    except Exception as error:  # noqa: BLE001  (an object of the user's that holds what is lost)
        return Unreadable(error)
