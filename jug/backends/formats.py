"""What the file of one result looks like: a bare ``.npy``, parquet, or the encoded form; each with its checksum.

Files of old releases have no checksum; of those it is only known whether they are whole. An empty file is never
written; old releases wrote None so, and whether it may be that is for the caller to say.
"""

from __future__ import annotations

import io
import sys

from .checksum import PARQUET, SummingReader, SummingWriter, check_seal, sealed, unsealed
from .encode import decode, decompress, encode_value, is_plain_array, npy_bytes, read_npy, write_npy
from .fsops import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from .encode import Writable
    from .fsops import FileSystem

NPY = b"\x93NUMPY"
_OBJECTS = b"'|O'"  # in the header of an array whose elements are pickled
_CHUNK = 1 << 16
_SMALL = 1 << 20
_EMPTY = "it is empty"


def serialise(object: Any, compress_numpy: bool) -> Callable[[Writable], object]:
    """A function that writes `object` to a stream. What cannot be stored is found out here, before there is a file."""
    if not compress_numpy and is_plain_array(object) and object.nbytes > _SMALL:
        return lambda stream: _write_array(object, stream)  # without a second copy in memory
    pieces = sealed(_to_bytes(object, compress_numpy))
    if sum(map(len, pieces)) <= _SMALL:
        pieces = [b"".join(pieces)]  # one system call
    return lambda stream: [stream.write(piece) for piece in pieces]


def read_result(fs: FileSystem, fd: int, empty_is_none: Callable[[], bool]) -> Any:
    """The object in the open file `fd`, which is closed; ``ValueError`` if it is damaged."""
    return _read(fs, fd, empty_is_none, _from_bytes)


def check_result(fs: FileSystem, fd: int, empty_is_none: Callable[[], bool]) -> None:
    """``ValueError`` if the open file `fd`, which is closed, is damaged. Nothing is unpickled."""
    _read(fs, fd, empty_is_none, check_bytes)


def check_bytes(data: bytes) -> bytes | memoryview:
    """What is in a file of these bytes, without the checksum; ``ValueError`` if it is damaged. Nothing is unpickled."""
    content, is_sealed = unsealed(data)
    if not is_sealed:
        _check_old(content)
    return content


def _read(fs: FileSystem, fd: int, empty_is_none: Callable[[], bool], use: Callable[[bytes], Any]) -> Any:
    try:
        head = fs.read(fd, _CHUNK)
        if not head and not empty_is_none():
            raise ValueError(_EMPTY)
        if len(head) < _CHUNK or not head.startswith(NPY) or _OBJECTS in head:
            return use(read_all(fs, fd, head) if head else head)
        stream = fs.stream(fd)
        fd = -1
        with stream:
            return _read_array(stream)
    finally:
        if fd >= 0:
            fs.close(fd)


def _write_array(array: Any, stream: Writable) -> None:
    writer = SummingWriter(stream)
    write_npy(array, writer)
    writer.finish()


def _read_array(stream: BinaryIO) -> Any:
    reader = SummingReader(stream)
    try:
        array = read_npy(reader)
    except Exception:  # whatever reading a damaged header raises, MemoryError for one
        check_seal(stream)
        raise
    reader.finish()
    return array


def _to_bytes(object: Any, compress_numpy: bool) -> bytes:
    if compress_numpy:
        return encode_value(object)
    if is_plain_array(object):
        return npy_bytes(object)
    if _is_frame(object):
        return _parquet_bytes(object)
    return encode_value(object)


def _from_bytes(data: bytes) -> Any:
    content, _ = unsealed(data)
    if data.startswith(NPY):
        return read_npy(content, exact=True)
    if data.startswith(PARQUET):
        return _read_parquet(data)
    return decode(content, exact=True)


def _check_old(data: bytes | memoryview) -> None:
    """As far as a file without a checksum can be checked."""
    head = bytes(data[:_CHUNK])
    if head.startswith(NPY):
        if _OBJECTS not in head:
            read_npy(data, allow_pickle=False, exact=True)
    elif head.startswith(PARQUET):
        _read_parquet(bytes(data))
    elif data:
        payload = decompress(data, exact=True)
        if payload[:1] not in (b"P", b"N"):
            raise ValueError("not an encoded object")


def _is_frame(object: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and type(object) is getattr(polars, "DataFrame", None)


def _parquet_bytes(frame: Any) -> bytes:
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


def _read_parquet(data: bytes) -> Any:
    if not data.endswith(PARQUET):
        raise ValueError("the parquet file is cut short")
    import polars

    # What is wrong inside a file without a checksum may even make polars panic, which is no Exception.
    try:
        return polars.read_parquet(io.BytesIO(data))
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as error:
        raise ValueError(f"the parquet file is damaged: {error}") from error
