"""What the file of one result looks like: a bare ``.npy``, parquet, or the encoded form; each with its checksum.

Files of old releases have no checksum; of those it is only known whether they are whole. An empty file is never
written; old releases wrote None so, and whether it may be that is for the caller to say.
"""

from __future__ import annotations

import io
import stat
import sys
from contextlib import closing

from jug.backends.encode import (
    decode,
    decompress,
    encode_value,
    fill_npy,
    is_plain_array,
    npy_bytes,
    read_npy,
    write_npy,
)
from jug.backends.system.filesystem import read_all

from .checksum import SummingReader, SummingWriter, check_seals, ends_with_seal, sealed, sealed_body, unsealed
from .fidelity import parquet_gives_back
from .mapped import map_array
from .seal import PARQUET, Parts, sum_of_large

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from jug.backends.encode import Writable
    from jug.backends.system.filesystem import FileSystem

    from .seal import Bytes
    from .signature import Signer

NPY = b"\x93NUMPY"
# Of the versions of it, those that large arrays are read from as a stream; the others have names of fields in UTF-8.
_STREAMED = (NPY + b"\1\0", NPY + b"\2\0")
_OBJECTS = b"'|O'"  # in the header of an array whose elements are pickled
_ZLIB = b"x"  # how what was encoded begins
_CHUNK = 1 << 16
_SMALL = 1 << 20
_EMPTY = "it is empty"


def serialise(object: Any, compress_numpy: bool, signer: Signer | None = None) -> Callable[[Writable], object]:
    """What writes `object` to a stream. What cannot be stored is found out here, before there is a file."""
    if not compress_numpy and is_plain_array(object) and object.nbytes > _SMALL:
        return lambda stream: _write_array(object, stream, signer)  # without a second copy in memory
    return in_pieces(_to_bytes(object, compress_numpy), signer)


class Pieces:
    """Bytes in memory, to be written to a stream by calling this with it."""

    __slots__ = ("_pieces", "size")

    def __init__(self, pieces: list[Bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.size = sum(map(len, pieces))

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)

    def __call__(self, stream: Writable) -> None:
        if self.size <= _SMALL:
            stream.write(bytes(self))  # one system call
            return
        for piece in self._pieces:
            stream.write(piece)


def in_pieces(data: bytes, signer: Signer | None) -> Pieces:
    """What writes `data` and its seals to a stream."""
    return Pieces(sealed(data, signer))


def read_result(
    fs: FileSystem,
    fd: int,
    empty_is_none: Callable[[], bool],
    signer: Signer | None = None,
    mmap_mode: str | None = None,
) -> Any:
    """The object in the open file `fd`, which is closed.

    With `mmap_mode`, a large array is mapped into memory (:mod:`jug.backends.result_bytes.mapped`), unless it is
    signed.

    Raises
    ------
    ValueError
        It is damaged, or its signature is wrong. Nothing was unpickled.
    Unsigned
        It has no signature.
    """
    found = _opened(fs, fd, empty_is_none, lambda head: head[:8] in _STREAMED and _OBJECTS not in head)
    if isinstance(found, Parts):
        return _from_parts(found, signer)
    with found:
        if mmap_mode is not None and not signer:
            mapped = map_array(found, mmap_mode)
            if mapped is not None:
                return mapped
            found.seek(0)
        return _read_array(found, signer)


def read_content(data: bytes, signer: Signer | None = None) -> Any:
    """The object in a file that holds `data`; raises as :func:`read_result` does."""
    if not data:
        raise ValueError(_EMPTY)
    if signer is None and data[:1] == _ZLIB and (body := sealed_body(data)) is not None:
        return decode(body)  # by far most are such: no need to take them apart
    return _from_parts(unsealed(data), signer)


def check_content(data: bytes, signer: Signer | None = None) -> bool:
    """The same without unpickling anything. Returns whether there is a checksum."""
    if not data:
        raise ValueError(_EMPTY)
    return _check(unsealed(data), signer)


def check_result(fs: FileSystem, fd: int, empty_is_none: Callable[[], bool], signer: Signer | None = None) -> bool:
    """Raise as :func:`read_result` does, and unpickle nothing. Returns whether the result has a checksum."""
    found = _opened(fs, fd, empty_is_none, lambda head: not head.startswith(PARQUET))
    if not isinstance(found, Parts):
        with found as stream:
            if check_seals(stream, signer):
                return True
            stream.seek(0)
            found = unsealed(stream.read())
    return _check(found, signer)


def check_parts(parts: Parts) -> None:
    """``ValueError`` if these are parts of a file without a checksum, and damaged. Nothing is unpickled."""
    if not parts.is_sealed:
        _check_old(parts.content)


def _from_parts(found: Parts, signer: Signer | None) -> Any:
    if signer:
        check_parts(found)  # what is left of a signed result is a damaged one, and not one without a signature
        signer.check(found)
    return _from_bytes(found)


def _check(found: Parts, signer: Signer | None) -> bool:
    check_parts(found)
    if signer:
        signer.check(found)
    return found.is_sealed


def _opened(
    fs: FileSystem, fd: int, empty_is_none: Callable[[], bool], is_streamed: Callable[[bytes], bool]
) -> Parts | BinaryIO:
    """What is in the file, or if it is large and its first bytes say so, the file as a stream."""
    try:
        head = fs.read(fd, _CHUNK)
        if not head and not (stat.S_ISREG(fs.fstat(fd).st_mode) and empty_is_none()):
            raise ValueError(_EMPTY)
        if len(head) < _CHUNK or not is_streamed(head):
            # The seal of a small one says how long it is: its end need not be asked for.
            return unsealed(head if not head or ends_with_seal(head) else read_all(fs, fd, head))
        stream = fs.stream(fd)
        fd = -1
        return stream
    finally:
        if fd >= 0:
            fs.close(fd)


def _write_array(array: Any, stream: Writable, signer: Signer | None) -> None:
    with closing(sum_of_large(array.nbytes)) as total:
        writer = SummingWriter(stream, total)
        if signer:
            signing = SummingWriter(writer, signer.sum())
            write_npy(array, signing)
            signing.finish()
        else:
            write_npy(array, writer)
        writer.finish()


def _read_array(stream: BinaryIO, signer: Signer | None) -> Any:
    with closing(SummingReader(stream, signer)) as reader:
        try:
            array = fill_npy(reader)
        except Exception:  # whatever reading a damaged header raises, MemoryError for one
            check_seals(stream, signer)
            raise
        reader.finish()
    return array


def _to_bytes(object: Any, compress_numpy: bool) -> bytes:
    if compress_numpy:
        return encode_value(object)
    if is_plain_array(object):
        return npy_bytes(object)
    if _is_frame(object) and parquet_gives_back(object):
        return _parquet_bytes(object)
    return encode_value(object)


def _from_bytes(parts: Parts) -> Any:
    content = parts.content
    if content[: len(NPY)] == NPY:
        return read_npy(content, exact=True)
    if content[: len(PARQUET)] == PARQUET:
        return _read_parquet(bytes(content))
    return decode(content, exact=True)


def _check_old(data: Bytes) -> None:
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
