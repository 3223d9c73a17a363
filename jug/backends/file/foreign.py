"""Whether a directory is a jugdir at all, and what in it is not jug's.

A jugdir may be a directory in which people keep other files. What is not of our shape is never touched, but a shape can
be somebody else's, too: the objects of git are ``ab/cd...`` with as many digits as a result. Where names are no hashes,
what is in the files says whose they are (:mod:`jug.backends.file.other_names`).
"""

from __future__ import annotations

import zlib
from itertools import islice

from jug.errors import UsageError

from .names import ALL_SEALED, FAILURES, HEX, LOCKS, OURS, SIGNED, is_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .tree import Tree

_SYSTEM = ".nfs"  # what NFS calls a file that was removed while somebody had it open
_SAMPLES = 8
_HEAD = 512
_MAGIC = (b"\x93NUMPY", b"PAR1")


def foreign(jugdir: Tree, failures: Collection[bytes]) -> list[str]:
    """Paths, relative to the jugdir, of all in it that jug did not make; a foreign directory is one of them.

    `failures`: the names of the tasks that have a record of a failure.
    """
    ours = {LOCKS: {f"{lock.decode()}.lock" for lock in jugdir.locks()}, FAILURES: {name.decode() for name in failures}}
    found = []
    for name in sorted(set(jugdir.names()) - {ALL_SEALED, SIGNED}):
        if not (name in OURS or is_prefix(name)) or not _is_directory(jugdir, name):
            found.append(name)  # perhaps a file that is called like a directory of ours, or a link
        elif name in OURS:
            others = set(jugdir.names(name)) - ours.get(name, set())
            found += [f"{name}/{entry}" for entry in sorted(others) if not OURS[name].fullmatch(entry)]
        else:
            found += _foreign_in_prefix(jugdir, name)
    return [path for path in found if not path.rpartition("/")[2].startswith(_SYSTEM)]


def _foreign_in_prefix(jugdir: Tree, prefix: str) -> list[str]:
    ours = {result.decode() for result in jugdir.results(prefix)}
    if not ours and prefix.strip(HEX):
        return [prefix]
    return [f"{prefix}/{entry}" for entry in sorted(jugdir.names(prefix)) if prefix + entry not in ours]


def require_ours(jugdir: Tree) -> None:
    """Refuse a directory whose files of our shape are somebody else's.

    Jug makes one of its own directories before the first result. Where there is none, as after a copy without empty
    directories, some of the results must look like results.

    Raises
    ------
    UsageError
    """
    names = frozenset(jugdir.names())
    if names >= {"info", "pack"} and jugdir.root.endswith("/objects"):
        raise UsageError(f"{jugdir.root} is not a jugdir: it holds the objects of a git repository; choose another one")
    if any(name in names and _is_directory(jugdir, name) for name in OURS):
        return
    samples = list(islice(_results(jugdir), _SAMPLES))
    if samples and not any(_looks_like_a_result(jugdir, name) for name in samples):
        raise UsageError(
            f"{jugdir.root} is not a jugdir: it has files that are named like results, such as "
            f"{jugdir.result(samples[0])}, but that jug did not make; choose another one"
        )


def _is_directory(jugdir: Tree, name: str) -> bool:
    return not jugdir.fs.is_link(jugdir.path(name)) and jugdir.revalidate(name)


def _results(jugdir: Tree) -> Iterator[bytes]:
    for prefix in sorted(jugdir.prefixes()):
        yield from jugdir.results(prefix)


def _looks_like_a_result(jugdir: Tree, name: bytes) -> bool:
    fs = jugdir.fs
    try:
        fd = fs.open_read(jugdir.result(name))
    except OSError:
        return False
    try:
        head = fs.read(fd, _HEAD)
    except OSError:
        return False
    finally:
        fs.close(fd)
    if not head or head.startswith(_MAGIC):
        return True  # an empty one was None, in old releases
    try:
        return zlib.decompressobj().decompress(head, 1) in (b"P", b"N")
    except zlib.error:
        return False
