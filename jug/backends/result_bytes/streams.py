"""The zlib streams of an encoded object, for plug-ins and scripts that were written for Jug 2.7.

(Import them from :mod:`jug.backends.encode`. Jug itself encodes whole objects.)
"""

from __future__ import annotations

import io
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO


class compress_stream:
    """Compresses what is written, and writes that to `stream`; ``flush()`` ends it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self._compressor = zlib.compressobj()

    def write(self, data: bytes) -> None:
        """Write `data`."""
        self.stream.write(self._compressor.compress(data))

    def flush(self) -> None:
        """Write what is left; nothing may follow."""
        self.stream.write(self._compressor.flush())


class decompress_stream(io.BufferedReader):
    """Reads what was compressed from `stream`, `block` bytes of it at a time; ``ValueError`` if it is cut short."""

    def __init__(self, stream: BinaryIO, block: int = 8192) -> None:
        super().__init__(_Decompressed(stream, block))


class _Decompressed(io.RawIOBase):
    def __init__(self, stream: BinaryIO, block: int) -> None:
        self._stream = stream
        self._block = block
        self._decompressor = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        memory = memoryview(buffer).cast("B")
        while not self._decompressor.eof:
            source = self._decompressor.unconsumed_tail or self._stream.read(self._block)
            if not source:
                raise ValueError("The compressed stream is cut short")
            piece = self._decompressor.decompress(source, len(memory))
            if piece:
                memory[: len(piece)] = piece
                return len(piece)
        return 0
