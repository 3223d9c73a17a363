"""What a segment looks like: many small results, each as its own file would be, and an index.

``JUGGRP1`` and a line feed; the records, each a header and the bytes that would be the file of that result, seals
included; the index, an entry for each record; and the tail, by which the index is found and checked. A file that has no
end, or a damaged one, is read record by record: each has a checksum over its name and its bytes, and begins with
letters by which it is found behind a damaged one. All numbers are big-endian.
"""

from __future__ import annotations

import struct
from itertools import chain
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jug.backends.system.filesystem import FileSystem

    #: A name, where its bytes are in the file, and how many these are.
    Entry = tuple[bytes, int, int]

HEAD = b"JUGGRP1\n"
_RECORD = b"JUGR"
_HEADER = struct.Struct(">4s40sII")  # letters, name, length, checksum
#: Bytes of a record before its content.
HEADER_SIZE = _HEADER.size
_ENTRY = struct.Struct(">40sQI")
_NAME = struct.Struct(f">40s{_ENTRY.size - 40}x")  # of an entry, the name alone
_TAIL = struct.Struct(">QI16s8s")  # where the index is, number of entries, checksum of both and the index, letters
_END = b"JUGGEND1"
#: A file of up to so many bytes is read as a whole.
_SMALL = 1 << 18


class Index:
    """Which results are in a file, and where: the bytes of its index, since few of them are ever asked for."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Index:
        """That of these entries."""
        return cls(b"".join([_ENTRY.pack(*entry) for entry in entries]))

    def __len__(self) -> int:
        return len(self.data) // _ENTRY.size

    def __iter__(self) -> Iterator[Entry]:
        return _ENTRY.iter_unpack(self.data)

    def __getitem__(self, number: int) -> Entry:
        return _ENTRY.unpack_from(self.data, number * _ENTRY.size)

    def some(self, first: int, number: int) -> list[Entry]:
        """So many entries, from the one with the number `first` on."""
        return list(_ENTRY.iter_unpack(self.data[first * _ENTRY.size : (first + number) * _ENTRY.size]))

    def names(self) -> list[bytes]:
        """Of all results, in order."""
        return list(chain.from_iterable(_NAME.iter_unpack(self.data)))


def record(name: bytes, content: bytes) -> bytes:
    """The record of the result `name`, whose file would hold `content`."""
    return _HEADER.pack(_RECORD, name, len(content), crc32(content, crc32(name))) + content


def assembled(records: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, Index]:
    """The bytes of a file with these records, each with its name, and the index of it."""
    pieces, entries, at = [HEAD], [], len(HEAD)
    for name, piece in records:
        pieces.append(piece)
        entries.append((name, at + _HEADER.size, len(piece) - _HEADER.size))
        at += len(piece)
    index = Index.of(entries)
    pieces += index.data, _tail(index.data, at)
    return b"".join(pieces), index


def rank(piece: bytes) -> tuple[bool, bytes]:
    """Of two records of one result, that with the lower rank counts: a whole one, if there is one.

    There is only one, of whoever published first (:mod:`jug.backends.file.publication`), unless somebody copied files
    together, or an old release did not see it. Which of two was first cannot be told then: names are random, and clocks
    differ. So their bytes decide, which are the same to everybody, at any time; and since the lowest of several is the
    lowest of those of any parts of them, merging files changes nothing.
    """
    _, name, length, checksum = _HEADER.unpack_from(piece)
    content = piece[_HEADER.size :]
    return len(content) != length or crc32(content, crc32(name)) != checksum, content


def scanned(data: bytes) -> Iterator[Entry]:
    """The records in `data` that are whole, whatever else there is."""
    at = data.find(_RECORD)
    while 0 <= at <= len(data) - _HEADER.size:
        _, name, length, checksum = _HEADER.unpack_from(data, at)
        begin = at + _HEADER.size
        content = data[begin : begin + length]
        if len(content) == length and crc32(content, crc32(name)) == checksum:
            yield name, begin, length
            at = data.find(_RECORD, begin + length)
        else:
            at = data.find(_RECORD, at + 1)


def read_index(fs: FileSystem, fd: int, size: int) -> tuple[Index, bool]:
    """The index of an open file of `size` bytes, and whether this is whole, as far as its index tells."""
    data = _read_index(fs, fd, size)
    if data is not None:
        return Index(data), True
    return Index.of(scanned(pread_all(fs, fd, size, 0))), False


def pread_all(fs: FileSystem, fd: int, size: int, at: int) -> bytes:
    """As many bytes of a file, from `at` on; fewer at its end."""
    data = fs.pread(fd, size, at)
    while data and len(data) < size:
        more = fs.pread(fd, size - len(data), at + len(data))
        if not more:
            break
        data += more
    return data


def _read_index(fs: FileSystem, fd: int, size: int) -> bytes | None:
    """The index, if it is whole."""
    begin = 0 if size <= _SMALL else size - _TAIL.size
    end = pread_all(fs, fd, size - begin, begin)
    if len(end) < _TAIL.size:
        return None
    at, count, _, letters = _TAIL.unpack_from(end, len(end) - _TAIL.size)
    if letters != _END or at + count * _ENTRY.size != size - _TAIL.size or at < len(HEAD):
        return None
    data = end[at - begin :] if at >= begin else pread_all(fs, fd, size - at, at)
    index = data[: count * _ENTRY.size]
    return index if data[len(index) :] == _tail(index, at) else None


def _tail(index: bytes, at: int) -> bytes:
    count = len(index) // _ENTRY.size
    from hashlib import blake2b  # late: see holder.place_of

    total = blake2b(index, digest_size=16, person=b"jug group")
    total.update(struct.pack(">QI", at, count))
    return _TAIL.pack(at, count, total.digest(), _END)
