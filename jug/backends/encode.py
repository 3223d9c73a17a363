"""Objects to bytes and back: the encoded form of a result, the same wherever it is kept.

An encoded object is a zlib stream over one byte of tag and a payload: ``N`` and an ``.npy`` file for a plain numpy
array of a type that this gives back, ``P`` and a pickle for everything else. None is the empty string. What is damaged
or cut short raises ``ValueError``; a result that could be wrong is never returned. Whatever follows the end of the
stream is ignored.
"""

from __future__ import annotations

import io
import pickle
import sys
import zlib
from functools import cache

from jug.errors import UnloadableResultError
from jug.words.short import number_of

from .result_bytes.fidelity import npy_gives_back
from .result_bytes.streams import compress_stream as compress_stream  # (where Jug 2.7 has them)
from .result_bytes.streams import decompress_stream as decompress_stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Readable(Protocol):
        """What is needed of a stream to decode from."""

        def read(self) -> bytes: ...

    class Fillable(Protocol):
        """What is needed of a stream to read a large array from."""

        def read(self, size: int = ..., /) -> bytes: ...

        def fill(self, memory: memoryview) -> bool: ...

    class Writable(Protocol):
        """What is needed of a stream to encode to."""

        def write(self, data: bytes | memoryview, /) -> Any: ...


_PIECE = 1 << 20  # bytes: little enough to stay in the caches of a processor between hashing and writing
# To make a compressor takes longer than all else that is done with a small result, and saves it no bytes.
_SHORT = 64
_LONGEST_HEADER = 1 << 20  # more than this, nobody has written on purpose


def encode(object: Any) -> bytes:
    """The encoded form of `object`; whatever makes it unpicklable is raised."""
    return b"" if object is None else encode_value(object)


def encode_value(object: Any) -> bytes:
    """As :func:`encode`, but never empty: None is a pickle like any other, which a file cut to nothing is not."""
    if is_plain_array(object):
        return zlib.compress(b"N" + npy_bytes(object))
    payload = b"P" + pickle.dumps(object, pickle.HIGHEST_PROTOCOL)
    return zlib.compress(payload) if len(payload) > _SHORT else _stored(payload)


def decode(s: bytes | memoryview, exact: bool = False) -> Any:
    """The object that :func:`encode` made `s` from; if `exact`, nothing may follow it.

    Raises
    ------
    ValueError
        It is damaged.
    UnloadableResultError
        It is not, but its class is gone.
    """
    if not s:
        return None
    payload = decompress(s, exact)
    tag = payload[:1]
    if tag == b"P":
        return unpickle(payload[1:] if len(payload) < _PIECE else memoryview(payload)[1:])
    if tag == b"N":
        return read_npy(payload[1:])
    raise ValueError(f"not an encoded object: it begins with {tag!r} instead of b'P' or b'N'")


def encode_to(object: Any, stream: Writable) -> None:
    """Write the encoded form of `object` to `stream`; nothing is written if it cannot be encoded."""
    data = encode(object)
    if data:
        stream.write(data)


def decode_from(stream: Readable) -> Any:
    """Read `stream` to its end and return the object encoded in it."""
    return decode(stream.read())


def is_plain_array(object: Any) -> bool:
    """True for a ``numpy.ndarray`` (no subclass of it) that ``.npy`` gives back; numpy is not imported to tell.

    Those with Python objects inside are none.
    """
    numpy = sys.modules.get("numpy")
    # `getattr`: another thread may be in the middle of importing numpy.
    if numpy is None or type(object) is not getattr(numpy, "ndarray", None):
        return False
    return not object.dtype.hasobject and npy_gives_back(object.dtype)


def npy_bytes(array: Any) -> bytes:
    """The bytes of an ``.npy`` file that holds `array`."""
    stream = io.BytesIO()
    write_npy(array, stream)
    return stream.getvalue()


def write_npy(array: Any, stream: Writable) -> None:
    """Write `array` to `stream` as an ``.npy`` file, in pieces."""
    from numpy.lib import format as npy

    if array.flags.c_contiguous and array.dtype.isbuiltin == 1 and array.ndim and array.size:
        npy.write_array_header_1_0(stream, npy.header_data_from_array_1_0(array))
        data = memoryview(array.reshape(-1).view("u1"))
        for at in range(0, len(data), _PIECE):
            stream.write(data[at : at + _PIECE])
    else:  # numpy copies each piece
        npy.write_array(stream, array, allow_pickle=False)


def read_npy(source: Any, allow_pickle: bool = True, exact: bool = False) -> Any:
    """The array in an ``.npy`` file, given as its bytes or as a stream; ``ValueError`` for pickles if not allowed.

    If `exact`, the bytes must end with it.
    """
    from numpy.lib import format as npy

    stream = io.BytesIO(source) if isinstance(source, (bytes, memoryview)) else source
    try:
        # Arrays of objects are pickled by themselves today; old releases could leave them in .npy form.
        array = npy.read_array(stream, allow_pickle=allow_pickle, **header_limit())
    except EOFError as error:
        raise ValueError(f"the array is cut short: {error}") from error
    except (AttributeError, ImportError) as error:
        raise UnloadableResultError(f"{type(error).__name__}: {error}") from error
    if exact and stream.read(1):
        raise ValueError("something follows the array")
    return array


@cache
def header_limit() -> dict[str, Any]:
    """How long a header may be, for numpy's readers, whose own limit refuses arrays with some hundred fields."""
    from inspect import signature

    from numpy.lib import format as npy

    limits = "max_header_size" in signature(npy.read_array).parameters  # not in old releases
    return {"max_header_size": _LONGEST_HEADER} if limits else {}


def fill_npy(source: Fillable) -> Any:
    """The array in an ``.npy`` file of version 1 or 2, without a second copy; ``ValueError`` if there are pickles."""
    import numpy
    from numpy.lib import format as npy

    read_header = npy.read_array_header_1_0 if npy.read_magic(source) == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read_header(source, **header_limit())
    if dtype.hasobject:
        raise ValueError("the elements of the array are pickled")
    array = numpy.empty(shape, dtype, order="F" if is_fortran else "C")
    if array.nbytes and not source.fill(memoryview(array.reshape(-1, order="A").view("u1"))):
        raise ValueError("the array is cut short")
    return array


def decompress(data: bytes | memoryview, exact: bool = False) -> bytes:
    """The tag and payload of an encoded object that is not None; if `exact`, nothing may follow it."""
    if not exact:
        try:
            return zlib.decompress(data)
        except zlib.error:
            pass  # what is wrong is said below
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(data)
    except zlib.error as error:
        raise ValueError(f"not an encoded object, or damaged: {error}") from error
    if not inflater.eof:
        raise ValueError(f"the encoded object is cut short after {number_of(len(data), 'byte')}")
    if exact and inflater.unused_data:
        raise ValueError(f"{number_of(len(inflater.unused_data), 'byte follows', 'bytes follow')} the encoded object")
    return payload


def _stored(payload: bytes) -> bytes:
    """A zlib stream of `payload` as it is, in one block (RFC 1950 and 1951)."""
    size = len(payload)
    header = b"\x78\x01\x01" + size.to_bytes(2, "little") + (0xFFFF - size).to_bytes(2, "little")
    return header + payload + zlib.adler32(payload).to_bytes(4, "big")


def unpickle(payload: bytes | memoryview) -> Any:
    """The object in a pickle; raises as :func:`decode` does."""
    try:
        return pickle.loads(payload)
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"the pickle of an encoded object is damaged: {error}") from error
    except Exception as error:  # its class, or the module of that, is not there, or it raises what it likes
        raise UnloadableResultError(f"{type(error).__name__}: {error}") from error
