"""The names in a jugdir: the one table of what its directories and files are called."""

from __future__ import annotations

import errno
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

HEX = "0123456789abcdef"
_HEX = HEX.encode()

LOCKS, TEMPORARY, PACKS, FAILURES = "locks", "tempfiles", "packs", "failures"
CORRUPT = "corrupt"  # damaged results that were set aside
ALL_SEALED = "all-have-checksums"  # an empty file, if this release made the jugdir
SIGNED = "signed"  # by which the key that results are signed with is known
PACKFILE = "jugpack"
LOCK = ".lock"  # what the name of a lock ends with

# What is ours in each of our directories; in `tempfiles`, 24 letters are an old release's.
OURS = {
    LOCKS: re.compile(r"([0-9a-f]{40}|pack-save)\.lock"),
    TEMPORARY: re.compile(r"(r|w|s|f|p|steal)-[0-9A-Za-z_.-]+|[0-9A-Za-z]{24}", re.ASCII),
    PACKS: re.compile(rf"{re.escape(PACKFILE)}|g-[0-9a-f]{{16}}"),
    FAILURES: re.compile(r"[0-9a-f]{40}"),
    CORRUPT: re.compile(r"[ -~]+\.[0-9]+"),
}
_ASIDE, _OTHER = "p-", "x"  # before a hash; before any other name, in hexadecimal digits
# What is certainly left over from us, and goes with the rest.
_LEFT_OVER = re.compile(r"[rsf]-[0-9a-f]+-[0-9a-f]+|w-[0-9a-f]+(-dead)?|steal-[0-9a-z-]+\.lock|[0-9A-Za-z]{24}")


def is_hash(name: bytes) -> bool:
    """Whether a name has the shape of a hash."""
    return len(name) == 40 and not name.strip(_HEX)


def are_hashes(names: Collection[bytes]) -> bool:
    """Whether all these names have that; there may be a million, so they are asked together."""
    return {*map(len, names)} <= {40} and not b"".join(names).translate(None, _HEX)


def are_rests_of_hashes(entries: Collection[str]) -> bool:
    """Whether all these are hashes without their first two digits."""
    together = "".join(entries)
    return {*map(len, entries)} <= {38} and together.isascii() and not together.encode().translate(None, _HEX)


def is_prefix(name: str) -> bool:
    """Whether a directory of this name can hold results: the first two characters of their names."""
    return len(name) == 2 and name.isascii() and name != ".."


def has_place(name: str) -> bool:
    """Whether there can be a result of this name: a file in a directory of the first two characters."""
    return len(name) > 2 and is_prefix(name[:2]) and "/" not in name and name[2:] not in (".", "..")


def is_segment(name: str) -> bool:
    """True for the name of a segment, beside the pack."""
    return len(name) == 18 and name.startswith("g-") and not name[2:].strip(HEX)


def is_temporary(name: str) -> bool:
    """True for the name of a temporary file that jug made, and for those of old releases."""
    return _LEFT_OVER.fullmatch(name) is not None or set_aside_as(name) is not None


def aside_for(name: bytes) -> str:
    """How the file of a result is called in ``tempfiles`` while it is packed."""
    return _ASIDE + (name.decode() if is_hash(name) else _OTHER + name.hex())


def set_aside_as(file: str) -> bytes | None:
    """The name of the result whose file was set aside as this one in ``tempfiles``; None if it is something else."""
    name = file.removeprefix(_ASIDE)
    if name == file:
        return None
    if is_hash(name.encode("ascii", "replace")):
        return name.encode()
    digits = name.removeprefix(_OTHER)
    if digits == name or digits.strip(HEX) or len(digits) % 2:
        return None
    other = bytes.fromhex(digits)
    return other if has_place(other.decode("ascii", "replace")) else None


def not_links(root: str, links: Mapping[str, bool], needed: str) -> list[str]:
    """The names in `root` that are no links, by what :meth:`~jug.backends.system.filesystem.FileSystem.links` says.

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
