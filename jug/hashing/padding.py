"""Bytes of arrays that hold no value, and so have no part in a hash: they are taken to be zero.

A long double fills 10 of its 16 bytes on most machines, and an aligned structure has gaps between its fields. What is
there is what was in memory before, in each process something else. Bytes that *are* the same in every process stay as
they are, since results have been stored under the hashes with them: zeros; the fields of a table of which an array
shows some others (``table[["x", "y"]]``); and what an array shows of a ``bytes`` object.
"""

from __future__ import annotations

import io
import pickle
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_PROTOCOL = 4
_PIECE = 1 << 20
_BYTES_OF_X87 = 10
_LONG_DOUBLES = "gG"
# In the pickle of a dtype that may have padding: a long double, also a complex one; a structure, by its size or class.
_MENTIONED = re.compile(rb"\x8c.(?:f1[26]|c24|c32|V\d)|\x93\x94\x89\x88\x87", re.DOTALL)

_masks: dict[Any, Any] = {}
_MOST_MASKS = 1000


def pieces(arr: Any) -> Iterator[Any]:
    """The bytes of an array (without objects) in C order, to be hashed one after the other."""
    mask = _padding_of(arr)
    if mask is None:
        yield _buffer(arr)
        return
    items = arr.ravel().view("u1").reshape(-1, arr.itemsize)
    step = max(_PIECE // arr.itemsize, 1)
    for at in range(0, len(items), step):
        piece = items[at : at + step].copy()
        piece[:, mask] = 0
        yield piece.reshape(-1).data


def _buffer(arr: Any) -> Any:
    """The bytes of an array in C order: without copying it, if that can be had."""
    if not arr.flags.c_contiguous:
        return arr.tobytes()
    try:
        return arr.data
    except ValueError:  # dates and time spans, alone or in a structure, give no buffer
        return arr.tobytes()


def may_hold_padding(pickled: bytes) -> bool:
    """Whether there may be padding in a pickle: a quick look, before a thorough one."""
    return b"numpy" in pickled and _MENTIONED.search(pickled) is not None


def pickled_without(obj: Any) -> bytes:
    """The pickle of `obj`, with zeros for the padding of all numbers and arrays inside."""
    stream = io.BytesIO()
    _Pickler(stream, _PROTOCOL).dump(obj)
    return stream.getvalue()


def reduced(obj: Any) -> Any:
    """What a pickler's ``reducer_override`` returns so that the padding of `obj` is zero in the pickle."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(obj, (numpy.ndarray, numpy.generic)) or obj.dtype.hasobject:
        return NotImplemented
    mask = _padding_of(obj)
    found = NotImplemented if mask is None else obj.__reduce_ex__(_PROTOCOL)
    if not isinstance(found, tuple):
        return NotImplemented
    # What to call, with what, and the state: the data is among the arguments of a number, and in the state of an array.
    return tuple(_without(part, mask, obj.nbytes) if isinstance(part, tuple) else part for part in found)


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        return reduced(obj)


def _without(parts: tuple[Any, ...], mask: Any, size: int) -> tuple[Any, ...]:
    return tuple(_zeroed(part, mask) if type(part) is bytes and len(part) == size else part for part in parts)


def _zeroed(data: bytes, mask: Any) -> bytes:
    items = sys.modules["numpy"].frombuffer(data, "u1").reshape(-1, len(mask)).copy()
    items[:, mask] = 0
    return items.tobytes()  # type: ignore[no-any-return]


def _padding_of(obj: Any) -> Any:
    """Which bytes of each item of an array or a number of numpy are padding; None if none are."""
    mask = _mask_of(obj.dtype)
    return None if mask is None or not obj.size else _less_what_is_there(obj, mask)


def _mask_of(dtype: Any) -> Any:
    if dtype.names is None and dtype.char not in _LONG_DOUBLES:
        return None  # nearly all
    if dtype not in _masks:
        if len(_masks) >= _MOST_MASKS:
            _masks.clear()
        mask = _gaps(dtype)
        _masks[dtype] = mask if mask.any() else None
    return _masks[dtype]


def _gaps(dtype: Any) -> Any:
    """For each byte of an item whether it is padding."""
    numpy = sys.modules["numpy"]
    if dtype.subdtype is not None:
        return numpy.tile(_gaps(dtype.base), dtype.itemsize // (dtype.base.itemsize or 1))
    if dtype.names is not None and dtype.kind == "V":
        mask = numpy.ones(dtype.itemsize, bool)
        for name in dtype.names:
            field, offset = dtype.fields[name][:2]
            mask[offset : offset + field.itemsize] &= _gaps(field)
        return mask
    mask = numpy.zeros(dtype.itemsize, bool)
    if dtype.char in _LONG_DOUBLES and numpy.finfo(numpy.longdouble).nmant == 63:  # others use all of their bytes
        one = mask.reshape(-1, numpy.dtype("g").itemsize)  # a complex number has two
        one[:, _BYTES_OF_X87:] = True
        mask = mask if dtype.isnative else mask[::-1]
    return mask


def _less_what_is_there(obj: Any, mask: Any) -> Any:
    """`mask` without the bytes that hold something of the array, or of the text, whose memory `obj` looks at."""
    if not obj.flags.c_contiguous:
        return mask  # numpy leaves the padding out when it makes a copy
    owner, ndarray = obj, sys.modules["numpy"].ndarray
    while isinstance(base := getattr(owner, "base", None), ndarray):
        owner = base
    if type(base) is bytes:  # as by numpy.frombuffer
        return None
    if base is not None or owner is obj or owner.dtype.hasobject:
        return mask
    others = _mask_of(owner.dtype)
    if others is None:
        return None
    if len(others) != len(mask) or (_address(obj) - _address(owner)) % len(mask):
        return mask
    mask = mask & others
    return mask if mask.any() else None


def _address(obj: Any) -> int:
    return obj.__array_interface__["data"][0]  # type: ignore[no-any-return]
