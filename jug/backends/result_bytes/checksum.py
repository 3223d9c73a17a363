"""A checksum in the file of each result: what is read is what was written, or it is an error.

Thirty-one bytes, the *seal*: ``JUGSUM1``, the number of all other bytes of the file (eight bytes, big-endian) and
their blake2b hash of 16 bytes. The seal is the end of the file, where old releases ignore it; but parquet files have
to end with their footer, and there it stands before that, where no reader of parquet looks.

Large arrays have ``JUGSUM2``, and the first 16 bytes of a SHA-1: processors have instructions for that. It takes a
third of the time, for which the disk would have nothing to do.

A signature (see :mod:`jug.backends.result_bytes.signature`) is another seal right before this one, ``JUGSIG1``, over
the result alone. The checksum is over both: without the key it is still known whether a signed result is what was
written.
"""

from __future__ import annotations

from contextlib import closing
from hashlib import blake2b

from .seal import MAGIC, MAGIC_OF_LARGE, PARQUET, SEAL_SIZE, Parts, Sum, is_signature, sum_of_large

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from jug.backends.encode import Writable

    from .seal import Bytes
    from .signature import Signer

_PIECE = 1 << 20


class SummingWriter:
    """Writes to `stream`, and adds up in `total`."""

    __slots__ = ("_stream", "_sum")

    def __init__(self, stream: Writable, total: Sum) -> None:
        self._stream = stream
        self._sum = total

    def write(self, data: Bytes, /) -> object:
        self._sum.update(data)
        return self._stream.write(data)

    def finish(self) -> None:
        """Write the seal, after everything else."""
        self._stream.write(self._sum.seal())


class SummingReader:
    """Reads `stream`, which is a file and no parquet, from its beginning, and adds up."""

    __slots__ = ("_signed", "_signer", "_stream", "_sum")

    def __init__(self, stream: BinaryIO, signer: Signer | None) -> None:
        self._stream = stream
        size = stream.seek(0, 2)
        stream.seek(max(0, size - SEAL_SIZE))
        self._sum = sum_of_large(size, _magic_of(stream.read(SEAL_SIZE)))
        stream.seek(0)
        self._signer = signer
        self._signed = signer.sum() if signer else None

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._add(data)
        return data

    def fill(self, memory: memoryview) -> bool:
        """Read as many bytes as there is room for; False if there are not so many. What was read stays as it is."""
        for at in range(0, len(memory), _PIECE):
            piece = memory[at : at + _PIECE]
            if self._stream.readinto(piece) < len(piece):  # type: ignore[attr-defined]
                return False
            self._add(piece)
        return True

    def _add(self, data: Bytes) -> None:
        self._sum.update(data)
        if self._signed:
            self._signed.update(data)

    def finish(self) -> None:
        """All that belongs to the result has been read: ``ValueError`` unless the right seals follow, or none."""
        rest = self._stream.read(2 * SEAL_SIZE + 1)
        signature, seal = rest[:-SEAL_SIZE], rest[-SEAL_SIZE:]
        is_right = not signature or is_signature(signature, self._sum.length)
        self._sum.update(signature)
        if rest and not (is_right and seal == self._sum.seal()):
            raise ValueError(DIFFERS)
        if self._signer and self._signed:
            self._signer.compare(signature, self._signed)

    def close(self) -> None:
        """It is not used any more."""
        self._sum.close()


def sealed(data: bytes, signer: Signer | None = None) -> list[Bytes]:
    """What a file that holds `data` consists of."""
    if signer is None and data[:4] != PARQUET:  # as nearly all are
        return [data, MAGIC + len(data).to_bytes(8, "big") + blake2b(data, digest_size=16).digest()]
    at = len(data) - _footer(data)
    whole = memoryview(data)
    signature = signer.seal(whole[:at], whole[at:]) if signer else b""
    return [whole[:at], signature, _seal_of(whole[:at], signature, whole[at:]), whole[at:]]


def sealed_body(data: bytes) -> bytes | None:
    """All of a file but its seal, if that is right, and the file no parquet; a signature is still there.

    None says nothing: see :func:`unsealed`.
    """
    at = len(data) - SEAL_SIZE
    if at > 0:
        body = data[:at]
        if data[at:] == MAGIC + at.to_bytes(8, "big") + blake2b(body, digest_size=16).digest():
            return body
    return None


def unsealed(data: bytes) -> Parts:
    """The parts of a file's bytes; ``ValueError`` if the checksum is wrong. The signature is for others to check."""
    footer = _footer(data)
    at = len(data) - footer - SEAL_SIZE
    if at < 0 or not is_meant_as_seal(data[at : at + SEAL_SIZE], len(data)):
        if data.startswith(PARQUET) and _has_seal_elsewhere(data):
            raise ValueError(DIFFERS)
        return Parts(data, len(data) - footer, footer, is_sealed=False)
    whole = memoryview(data)
    found = data[at : at + SEAL_SIZE]
    if found != _seal_of(whole[:at], whole[at + SEAL_SIZE :], magic=_magic_of(found)):
        raise ValueError(DIFFERS)
    return Parts(data, at, footer, is_sealed=True)


def check_seals(stream: BinaryIO, signer: Signer | None) -> bool:
    """Whether a file that is not parquet has seals; it is read to its end, and if they are wrong, ``ValueError``."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 2 * SEAL_SIZE))
    tail = stream.read(2 * SEAL_SIZE)
    signature, seal = tail[:-SEAL_SIZE], tail[-SEAL_SIZE:]
    if not is_signature(signature, size - len(tail)):
        signature = b""
    if size < SEAL_SIZE or not is_meant_as_seal(seal, size):
        return False
    stream.seek(0)
    reader, left = SummingReader(stream, signer), size - SEAL_SIZE - len(signature)
    with closing(reader):
        while left > 0 and (piece := reader.read(min(_PIECE, left))):
            left -= len(piece)
        reader.finish()
    return True


DIFFERS = "it is not what was written (the checksum differs)"


def _seal_of(*pieces: Bytes, magic: bytes = MAGIC) -> bytes:
    total = Sum(magic)
    for piece in pieces:
        total.update(piece)
    return total.seal()


def is_meant_as_seal(found: bytes, size: int) -> bool:
    # Either half is enough, so that a flipped bit in the other does not make it an old file without a seal.
    return found[:7] in (MAGIC, MAGIC_OF_LARGE) or found[7:15] == (size - SEAL_SIZE).to_bytes(8, "big")


def is_seal_of(found: bytes, size: int) -> bool:
    """Whether this is the seal, right or wrong, of a file of `size` bytes; nothing else is taken for one."""
    if len(found) != SEAL_SIZE or size < SEAL_SIZE or found[:7] not in (MAGIC, MAGIC_OF_LARGE):
        return False
    return found[7:15] == (size - SEAL_SIZE).to_bytes(8, "big")


def _magic_of(seal: bytes) -> bytes:
    """The letters that a seal begins with; if they are none, those of most."""
    return MAGIC_OF_LARGE if seal[:7] == MAGIC_OF_LARGE else MAGIC


def ends_with_seal(data: bytes) -> bool:
    """Whether these are all bytes of a file, as far as the seal at their end tells, if they have one."""
    size = len(data) - SEAL_SIZE
    return size >= 0 and data.startswith(MAGIC + size.to_bytes(8, "big"), size)


def _has_seal_elsewhere(data: bytes) -> bool:
    return len(data) > SEAL_SIZE and MAGIC + (len(data) - SEAL_SIZE).to_bytes(8, "big") in data


def _footer(data: bytes) -> int:
    """How many bytes have to stay the last ones."""
    if not (data.startswith(PARQUET) and data.endswith(PARQUET)) or len(data) < 12:
        return 0
    length = int.from_bytes(data[-8:-4], "little") + 8
    return length if length <= len(data) - 4 else 0
