"""Checksums, as they are added up: the seal that the bytes of a result end with.

That of something large is made by another thread: while a piece is read or written, earlier ones are added up. Hashing,
reading and writing all leave the interpreter to others, so this takes as long as the slowest of them.
"""

from __future__ import annotations

from hashlib import blake2b, sha1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue
    from threading import Semaphore
    from typing import Any

    Bytes = bytes | memoryview
    Pieces = SimpleQueue[Bytes | None]

MAGIC = b"JUGSUM1"
MAGIC_OF_LARGE = b"JUGSUM2"
SIGNED = b"JUGSIG1"
SEAL_SIZE = 31
PARQUET = b"PAR1"  # what a parquet file begins and ends with
_LARGE = 1 << 23  # bytes, for which another thread is worth its start
#: How many pieces of this size may wait to be added up, or how much in all.
AHEAD, _PIECE = 16, 1 << 20


class Sum:
    """The seal of what is given to :meth:`update`; another `magic` and `hash` make another kind of seal."""

    __slots__ = ("_hash", "_magic", "length")

    def __init__(self, magic: bytes = MAGIC, hash: Any = None) -> None:
        self._magic = magic
        self._hash = hash or (sha1(usedforsecurity=False) if magic == MAGIC_OF_LARGE else blake2b(digest_size=16))
        self.length = 0

    def update(self, data: Bytes) -> None:
        self._hash.update(data)
        self.length += len(data)

    def seal(self) -> bytes:
        return self._magic + self.length.to_bytes(8, "big") + self._hash.digest()[:16]

    def close(self) -> None:
        """It is not used any more."""


class ThreadedSum(Sum):
    """The same; what it is given must not change before :meth:`seal`, which ends it.

    Raises ``RuntimeError`` if there can be no more threads.
    """

    __slots__ = ("_errors", "_pieces", "_room", "_thread")

    def __init__(self, magic: bytes) -> None:
        from queue import SimpleQueue
        from threading import Semaphore, Thread

        super().__init__(magic)
        self._pieces: Pieces = SimpleQueue()
        self._room = Semaphore(AHEAD)
        self._errors: list[BaseException] = []
        arguments = (self._pieces, self._hash.update, self._errors, self._room)
        self._thread = Thread(target=_add_up, args=arguments, name="jug checksum", daemon=True)
        self._thread.start()

    def update(self, data: Bytes) -> None:
        for _ in range(_room_of(data)):
            self._room.acquire()
        self._pieces.put(data)
        self.length += len(data)

    def seal(self) -> bytes:
        self.close()
        self._thread.join()
        if self._errors:
            raise self._errors[0]
        return super().seal()

    def close(self) -> None:
        self._pieces.put(None)


def _add_up(pieces: Pieces, update: Callable[[Bytes], object], errors: list[BaseException], room: Semaphore) -> None:
    while (piece := pieces.get()) is not None:
        try:
            update(piece)
        except BaseException as error:  # noqa: BLE001  (whoever waits for this thread is to know)
            errors.append(error)
        finally:
            room.release(_room_of(piece))


def _room_of(piece: Bytes) -> int:
    return min(len(piece) // _PIECE, AHEAD) or 1


def sum_of_large(size: int, magic: bytes = MAGIC_OF_LARGE) -> Sum:
    """The seal of an array of more or less `size` bytes; what it is given must not change before it is asked for."""
    if size >= _LARGE:
        try:
            return ThreadedSum(magic)
        except RuntimeError:
            pass  # there can be no more threads
    return Sum(magic)


class Parts:
    """What the bytes of a file consist of.

    Attributes
    ----------
    body, footer : memoryview
        The result; the footer of parquet is a part of its own.
    signature : memoryview
        Empty if it is not signed.
    is_sealed : bool
        Whether there was a checksum.
    """

    __slots__ = ("_whole", "body", "footer", "is_sealed", "signature")

    def __init__(self, whole: bytes, end: int, footer: int, is_sealed: bool) -> None:
        view = memoryview(whole)
        at = end - SEAL_SIZE
        is_signed = is_sealed and at >= 0 and is_signature(view[at:end], at + footer)
        self._whole = whole
        self.body = view[:at] if is_signed else view[:end]
        self.signature = view[at:end] if is_signed else view[:0]
        self.footer = view[len(whole) - footer :]
        self.is_sealed = is_sealed

    @property
    def content(self) -> Bytes:
        """The result alone; but in parquet files, which do not mind, the seals stay."""
        return self._whole if self.footer else self.body


def is_signature(found: Bytes, length: int) -> bool:
    """Whether this is the signature, right or wrong, of `length` bytes."""
    return len(found) == SEAL_SIZE and found[:15] == SIGNED + length.to_bytes(8, "big")
