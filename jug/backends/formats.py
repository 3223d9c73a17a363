"""What the file of one result looks like: a bare ``.npy``, parquet, or the encoded form.

A file is never written empty; an empty one, from an old release, is None.
"""

from __future__ import annotations

import io
import sys

from .encode import decode, encode_value, is_plain_array, npy_bytes, read_npy, write_npy
from .fsops import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .encode import Writable
    from .fsops import FileSystem

NPY = b"\x93NUMPY"
PARQUET = b"PAR1"
_CHUNK = 1 << 16
_SMALL = 1 << 20


def serialise(object: Any, compress_numpy: bool) -> Callable[[Writable], object]:
    """A function that writes `object` to a stream. What cannot be stored is found out here, before there is a file."""
    if not compress_numpy and is_plain_array(object) and object.nbytes > _SMALL:
        return lambda stream: write_npy(object, stream)  # without a second copy in memory
    data = _to_bytes(object, compress_numpy)
    return lambda stream: stream.write(data)


def read_result(fs: FileSystem, fd: int) -> Any:
    """The object in the open file `fd`, which is closed; ``ValueError`` if it is damaged."""
    try:
        head = fs.read(fd, _CHUNK)
        if len(head) < _CHUNK or not head.startswith(NPY):
            return _from_bytes(read_all(fs, fd, head) if head else head)
        stream = fs.stream(fd)
        fd = -1
        with stream:
            return read_npy(stream)
    finally:
        if fd >= 0:
            fs.close(fd)


def _to_bytes(object: Any, compress_numpy: bool) -> bytes:
    if compress_numpy:
        return encode_value(object)
    if is_plain_array(object):
        return npy_bytes(object)
    if _is_frame(object):
        return _parquet_bytes(object)
    return encode_value(object)


def _from_bytes(data: bytes) -> Any:
    if data.startswith(NPY):
        return read_npy(data)
    if data.startswith(PARQUET):
        return _read_parquet(data)
    return decode(data)


def _is_frame(object: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and type(object) is getattr(polars, "DataFrame", None)


def _parquet_bytes(frame: Any) -> bytes:
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


def _read_parquet(data: bytes) -> Any:
    import polars

    try:
        return polars.read_parquet(io.BytesIO(data))
    except polars.exceptions.PolarsError as error:
        raise ValueError(f"the parquet file is damaged: {error}") from error
