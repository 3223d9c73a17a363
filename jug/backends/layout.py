"""Which names in the directory of a file store are jug's, and whether a directory is a jugdir at all.

A jugdir may be a directory in which people keep other files. What is not of our shape is never touched, but a shape can
be somebody else's, too: the objects of git are ``ab/cd...`` with as many digits as a result. Where names are no hashes,
what is in the files says whose they are (:mod:`jug.backends.othernames`).
"""

from __future__ import annotations

import errno
import re
import zlib
from itertools import islice

from ..errors import UsageError
from .directories import CORRUPT, FAILURES, LOCKS, PACKS, TEMPORARY
from .othernames import HEX, is_prefix, set_aside_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .jugdir import JugDir

ALL_SEALED = "all-have-checksums"  # an empty file, if this release made the jugdir
SIGNED = "signed"  # by which the key that results are signed with is known
PACKFILE = "jugpack"

# What is ours in each of our directories; in `tempfiles`, 24 letters are an old release's.
_OURS = {
    LOCKS: re.compile(r"([0-9a-f]{40}|pack-save)\.lock"),
    TEMPORARY: re.compile(r"(r|w|s|f|p|steal)-[0-9A-Za-z_.-]+|[0-9A-Za-z]{24}", re.ASCII),
    PACKS: re.compile(rf"{re.escape(PACKFILE)}|g-[0-9a-f]{{16}}"),
    FAILURES: re.compile(r"[0-9a-f]{40}"),
    CORRUPT: re.compile(r"[ -~]+\.[0-9]+"),
}
# What is certainly left over from us, and goes with the rest.
_LEFT_OVER = re.compile(r"[rsf]-[0-9a-f]+-[0-9a-f]+|w-[0-9a-f]+(-dead)?|steal-[0-9a-z-]+\.lock|[0-9A-Za-z]{24}")
_SYSTEM = ".nfs"  # what NFS calls a file that was removed while somebody had it open
_SAMPLES = 8
_HEAD = 512
_MAGIC = (b"\x93NUMPY", b"PAR1")


def is_group(name: str) -> bool:
    """True for the name of a file of grouped results, beside the pack."""
    return len(name) == 18 and name.startswith("g-") and not name[2:].strip(HEX)


def is_temporary(name: str) -> bool:
    """True for the name of a temporary file that jug made, and for those of old releases."""
    return _LEFT_OVER.fullmatch(name) is not None or set_aside_as(name) is not None


def foreign(jugdir: JugDir, failures: Collection[bytes]) -> list[str]:
    """Paths, relative to the jugdir, of all in it that jug did not make; a foreign directory is one of them.

    `failures`: the names of the tasks that have a record of a failure.
    """
    ours = {LOCKS: {f"{lock.decode()}.lock" for lock in jugdir.locks()}, FAILURES: {name.decode() for name in failures}}
    found = []
    for name in sorted(set(jugdir.names()) - {ALL_SEALED, SIGNED}):
        if not (name in _OURS or is_prefix(name)) or not _is_directory(jugdir, name):
            found.append(name)  # perhaps a file that is called like a directory of ours, or a link
        elif name in _OURS:
            others = set(jugdir.names(name)) - ours.get(name, set())
            found += [f"{name}/{entry}" for entry in sorted(others) if not _OURS[name].fullmatch(entry)]
        else:
            found += _foreign_in_prefix(jugdir, name)
    return [path for path in found if not path.rpartition("/")[2].startswith(_SYSTEM)]


def _foreign_in_prefix(jugdir: JugDir, prefix: str) -> list[str]:
    ours = {result.decode() for result in jugdir.results(prefix)}
    if not ours and prefix.strip(HEX):
        return [prefix]
    return [f"{prefix}/{entry}" for entry in sorted(jugdir.names(prefix)) if prefix + entry not in ours]


def require_ours(jugdir: JugDir) -> None:
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
    if any(name in names and _is_directory(jugdir, name) for name in _OURS):
        return
    samples = list(islice(_results(jugdir), _SAMPLES))
    if samples and not any(_looks_like_a_result(jugdir, name) for name in samples):
        raise UsageError(
            f"{jugdir.root} is not a jugdir: it has files that are named like results, such as "
            f"{jugdir.result(samples[0])}, but that jug did not make; choose another one"
        )


def not_links(root: str, links: Mapping[str, bool], needed: str) -> list[str]:
    """The names in `root` that are no links, by what :meth:`~jug.backends.fsops.FileSystem.links` says.

    The root may be a link that the user has made. What is called like a directory of ours, and is one, is not ours: the
    results in it are not listed, and whoever can write to the root could have us write anywhere.

    Raises
    ------
    NotADirectoryError
        The directory `needed` is one, or another in which something is written with each result.
    """
    for name in (needed, LOCKS, TEMPORARY):
        if links.get(name):
            path = f"{root.rstrip('/')}/{name}"
            raise NotADirectoryError(errno.ENOTDIR, f"{path} is a symbolic link, through which nothing is written")
    return [name for name, is_link in links.items() if not is_link]


def _is_directory(jugdir: JugDir, name: str) -> bool:
    return not jugdir.fs.is_link(jugdir.path(name)) and jugdir.revalidate(name)


def _results(jugdir: JugDir) -> Iterator[bytes]:
    for prefix in sorted(jugdir.prefixes()):
        yield from jugdir.results(prefix)


def _looks_like_a_result(jugdir: JugDir, name: bytes) -> bool:
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
