"""A checksum in the file of each result: what is read is what was written, or it is an error.

Thirty-one bytes, the *seal*: ``JUGSUM1``, the number of all other bytes of the file (eight bytes, big-endian) and
their blake2b hash of 16 bytes. The seal is the end of the file, where old releases ignore it; but parquet files have
to end with their footer, and there it stands before that, where no reader of parquet looks.
"""

from __future__ import annotations

from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from .encode import Writable

    Bytes = bytes | memoryview

PARQUET = b"PAR1"
SEAL_SIZE = 31
_MAGIC = b"JUGSUM1"
_PIECE = 1 << 20


class Sum:
    """The seal of what is given to :meth:`update`."""

    __slots__ = ("_hash", "_length")

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self._length = 0

    def update(self, data: Bytes) -> None:
        self._hash.update(data)
        self._length += len(data)

    def seal(self) -> bytes:
        return _MAGIC + self._length.to_bytes(8, "big") + self._hash.digest()


class SummingWriter:
    """Writes to `stream`, and adds up."""

    __slots__ = ("_stream", "_sum")

    def __init__(self, stream: Writable) -> None:
        self._stream = stream
        self._sum = Sum()

    def write(self, data: Bytes, /) -> object:
        self._sum.update(data)
        return self._stream.write(data)

    def finish(self) -> None:
        """Write the seal, after everything else."""
        self._stream.write(self._sum.seal())


class SummingReader:
    """Reads `stream` from its beginning, and adds up; nothing is kept in memory."""

    __slots__ = ("_stream", "_sum")

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sum = Sum()

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._sum.update(data)
        return data

    def finish(self) -> None:
        """Everything has been read that belongs to the result: ``ValueError`` unless the seal follows, or nothing."""
        rest = self._stream.read(SEAL_SIZE + 1)
        if rest and rest != self._sum.seal():
            raise ValueError(_DIFFERS)


def sealed(data: bytes) -> list[Bytes]:
    """What a file that holds `data` consists of."""
    at = len(data) - _footer(data)
    whole = memoryview(data)
    return [whole[:at], _seal_of(whole[:at], whole[at:]), whole[at:]]


def unsealed(data: bytes) -> tuple[Bytes, bool]:
    """What is left of a file's bytes without the seal, and whether there was one; ``ValueError`` if it is wrong.

    In parquet files, which do not mind, the seal stays.
    """
    footer = _footer(data)
    at = len(data) - footer - SEAL_SIZE
    if at < 0 or not _is_meant_as_seal(data[at : at + SEAL_SIZE], len(data)):
        if data.startswith(PARQUET) and _has_seal_elsewhere(data):
            raise ValueError(_DIFFERS)
        return data, False
    whole = memoryview(data)
    if data[at : at + SEAL_SIZE] != _seal_of(whole[:at], whole[at + SEAL_SIZE :]):
        raise ValueError(_DIFFERS)
    return (data if footer else whole[:at]), True


def check_seal(stream: BinaryIO) -> None:
    """Read a file that is not parquet to its end: ``ValueError`` if it is meant to have a seal that is wrong."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - SEAL_SIZE))
    found = stream.read(SEAL_SIZE)
    if size < SEAL_SIZE or not _is_meant_as_seal(found, size):
        return
    stream.seek(0)
    total, left = Sum(), size - SEAL_SIZE
    while left > 0 and (piece := stream.read(min(_PIECE, left))):
        total.update(piece)
        left -= len(piece)
    if total.seal() != found:
        raise ValueError(_DIFFERS)


_DIFFERS = "it is not what was written (the checksum differs)"


def _seal_of(*pieces: Bytes) -> bytes:
    total = Sum()
    for piece in pieces:
        total.update(piece)
    return total.seal()


def _is_meant_as_seal(found: bytes, size: int) -> bool:
    # Either half is enough, so that a flipped bit in the other does not make it an old file without a seal.
    return found.startswith(_MAGIC) or found[7:15] == (size - SEAL_SIZE).to_bytes(8, "big")


def _has_seal_elsewhere(data: bytes) -> bool:
    return len(data) > SEAL_SIZE and _MAGIC + (len(data) - SEAL_SIZE).to_bytes(8, "big") in data


def _footer(data: bytes) -> int:
    """How many bytes have to stay the last ones."""
    if not (data.startswith(PARQUET) and data.endswith(PARQUET)) or len(data) < 12:
        return 0
    length = int.from_bytes(data[-8:-4], "little") + 8
    return length if length <= len(data) - 4 else 0
