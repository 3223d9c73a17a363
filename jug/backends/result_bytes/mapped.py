"""Large arrays that are mapped into memory: what is looked at is read, when it is looked at, and no more.

Their checksum is not looked at, since for that all would have to be read; only that the file has the length that its
header and its seal say. A result is never changed: a mapped array is read-only, or its changes stay in memory.
"""

from __future__ import annotations

from jug.backends.encode import header_limit
from jug.errors import UsageError

from .checksum import is_meant_as_seal
from .seal import SEAL_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

#: As numpy calls them: read-only; and "copy on write".
MODES = ("r", "c")


def checked_mode(mode: str | None) -> str | None:
    """The mode, or None; ``UsageError`` if there is no such mode."""
    if mode is None or mode in MODES:
        return mode
    raise UsageError(
        f"mmap_mode {mode!r} is not possible: 'r' maps arrays read-only, 'c' has their changes stay in memory "
        "(a result is never changed)"
    )


def map_array(stream: BinaryIO, mode: str) -> Any:
    """The array in the ``.npy`` file `stream`; None if it is of a kind that has to be read.

    Raises
    ------
    ValueError
        The file is cut short, or longer than it should be.
    """
    import numpy as np
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    reader = readers.get(npy.read_magic(stream))
    if reader is None:
        return None
    shape, is_fortran, dtype = reader(stream, **header_limit())
    if dtype.hasobject:
        return None
    at = stream.tell()
    array = np.memmap(stream, dtype, mode, at, shape, "F" if is_fortran else "C")  # type: ignore[call-overload]
    size = stream.seek(0, 2)
    rest = size - at - array.nbytes
    if rest not in (0, SEAL_SIZE, 2 * SEAL_SIZE) or (rest and not _is_sealed(stream, size)):
        raise ValueError("it is longer, or shorter, than it should be")
    return array.view(np.ndarray)  # a task that returns it returns an array, and not a file


def _is_sealed(stream: BinaryIO, size: int) -> bool:
    stream.seek(size - SEAL_SIZE)
    return is_meant_as_seal(stream.read(SEAL_SIZE), size)
