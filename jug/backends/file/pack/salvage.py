"""What can be saved of a damaged pack: the entries that are whole, by the checksum of each.

The zlib stream of the pack is read as far as it goes. What comes out of it is the pickle of a dict; it is not read as
one, since one wrong byte would be the end of that, but searched for names and what follows them. Entries of old
releases have no checksum of their own, and cannot be saved.
"""

from __future__ import annotations

import re
import zlib

from .pack_format import Packed, check_entry

_PIECE = 1 << 12
# A name, and the call of `decode` with the bytes that follow; between them the pickler may number what it has written
# (\x94), and begin a new frame (\x95 and eight bytes).
_FRAME = rb"\x94?(?:\x95.{8})?"
_DECODE = rb"(?:h.|j.{4}|\x8c.jug\.backends\.encode" + _FRAME + rb"\x8c\x06decode" + _FRAME + rb"\x93)"
_ENTRY = re.compile(
    rb"C\x28([0-9a-f]{40})" + _FRAME + _DECODE + _FRAME + rb"(?:C(.)|B(.{4}))",
    re.DOTALL,
)


def saved_from(data: bytes) -> dict[bytes, Packed]:
    """The entries that are whole in the bytes of a pack that is damaged. Nothing is unpickled."""
    payload = _inflated(data)
    found = {}
    for match in _ENTRY.finditer(payload):
        size = int.from_bytes(match[2] or match[3], "little")
        entry = Packed(payload[match.end() : match.end() + size])
        if len(entry) == size and _is_whole(match[1], entry):
            found[match[1]] = entry
    return found


def _is_whole(name: bytes, entry: Packed) -> bool:
    try:
        return check_entry(name, entry).is_sealed
    except ValueError:
        return False


def _inflated(data: bytes) -> bytes:
    """What a zlib stream holds before the place where it is damaged."""
    inflater = zlib.decompressobj()
    pieces = []
    for at in range(0, len(data), _PIECE):
        before = inflater.copy()
        try:
            pieces.append(inflater.decompress(data[at : at + _PIECE]))
        except zlib.error:
            pieces.append(_to_the_last_byte(before, data[at : at + _PIECE]))
            break
    return b"".join(pieces)


def _to_the_last_byte(inflater: zlib._Decompress, data: bytes) -> bytes:
    pieces = []
    for byte in data:
        try:
            pieces.append(inflater.decompress(bytes([byte])))
        except zlib.error:
            break
    return b"".join(pieces)
