"""Which keys on a Redis server are jug's: others may use the same server, and keys of the same shape.

What ends with the hash of a task is ours. A key that ends with another name is ours only if its value says so: a result
has a seal, and a lock has a holder, which is a token. (What Jug 2.7 stored or locked under such a name is not listed.)
See :mod:`jug.backends.file.other_names`.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64

from jug.backends.file.names import are_hashes, is_hash
from jug.backends.result_bytes.checksum import is_seal_of
from jug.backends.result_bytes.seal import SEAL_SIZE

from .connection import TOGETHER
from .results import RESULT
from .watchdog import HOLDER, worker_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .connection import Link

CORRUPT = b"corrupt:"
_TAIL = 44  # characters of base64, in which a seal is for certain


def names_of(link: Link, kind: bytes) -> list[bytes]:
    """The names of all keys of a kind that may be ours, each once: what a question for each of them would find."""
    return [key[len(kind) :] for key in link.scan(kind + b"*")]


def our_names(link: Link, kind: bytes) -> list[bytes]:
    """Those of them that are ours."""
    names = names_of(link, kind)
    if are_hashes(names):
        return names
    found = [name for name in names if is_hash(name)]
    others = [name for name in names if not is_hash(name)]
    for start in range(0, len(others), TOGETHER):
        found += _ours(link, kind, others[start : start + TOGETHER])
    return found


def set_aside_keys(link: Link) -> list[bytes]:
    """The keys of damaged results of tasks that were set aside."""
    found = (key.split(b":") for key in link.scan(CORRUPT + b"*"))
    return [b":".join(key) for key in found if len(key) == 3 and is_hash(key[1]) and key[2].isdigit()]


def _ours(link: Link, kind: bytes, names: Sequence[bytes]) -> list[bytes]:
    if kind == RESULT:
        return _sealed(link, names)
    holders = link.ask("MGET", *(HOLDER + name for name in names))
    return [name for name, holder in zip(names, holders, strict=True) if worker_of(holder or b"")]


def _sealed(link: Link, names: Sequence[bytes]) -> list[bytes]:
    kinds = link.ask_all([("TYPE", RESULT + name) for name in names])
    names = [name for name, kind in zip(names, kinds, strict=True) if kind == b"string"]
    ends = link.ask_all([("GETRANGE", RESULT + name, -_TAIL, -1) for name in names])
    sizes = link.ask_all([("STRLEN", RESULT + name) for name in names])
    return [name for name, end, size in zip(names, ends, sizes, strict=True) if _is_sealed(end, size)]


def _is_sealed(end: bytes, size: int) -> bool:
    """Whether a value of `size` characters, which ends like this, has a seal."""
    try:
        tail = a2b_base64(end)[-SEAL_SIZE:]
    except Base64Error:
        return False
    return size % 4 == 0 and is_seal_of(tail, size // 4 * 3 - end[-2:].count(b"="))
