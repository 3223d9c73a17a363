"""Recovery: the end of an owner, before anybody has what it had claimed.

One that was taken for dead may only have been stopped, and go on at any call. So first of all its owner file gets
another name, in one step: from that moment on, every check of a publication says no
(:mod:`jug.backends.file.publication`), and no claim is made any more, since that is a link to this file. Then its
temporary files are removed, which were checked before, perhaps, and could still get their names. Only then its claims
are taken or given back: whoever has one after that looks for a result first, and finds what came before that end; after
it, nothing comes.

This is done by everybody alike, who sweeps up or only wants one lock, and any number may do it at the same time: each
step is one that another may have done. Whoever has done it for an owner need not do it again, however many locks this
had: the directory is listed once. One who is killed in between leaves the owner file under its other name, by which the
next one goes on.
"""

from __future__ import annotations

from jug.backends.file.names import HEX

from .liveness import find
from .owner_file import OWNER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.backends.system.filesystem import FileSystem

    from .liveness import Found, Liveness
    from .owner_file import OwnerFile

_DEAD = "-dead"


def owner_of(path: str) -> str:
    """The owner whose file this is, ended or not; empty if it is none's."""
    name = path.rpartition("/")[2]
    worker = name.removeprefix(OWNER).removesuffix(_DEAD)
    return worker if name.startswith(OWNER) and _is_name(worker) else ""


def is_ended(path: str) -> bool:
    """Whether this is the file of an owner that was ended, of which something may be left."""
    worker = owner_of(path)
    return worker != "" and path.endswith(f"{OWNER}{worker}{_DEAD}")


def end_of(me: OwnerFile, fs: FileSystem, found: Found, liveness: Liveness) -> bool:
    """End the owner of a lock, or of a turn, that was found and is gone; False if it lives after all, or we may not."""
    worker = found.holder.worker
    if found.failed or worker in me.ended or not _is_name(worker):
        return True
    owner = find(fs, f"{me.temporary}/{OWNER}{worker}")
    # Where there are no links, a lock is a file of its own, and what it says of its owner is not all.
    if owner is not None and owner.mark != found.mark and not liveness.is_gone(owner):
        return False
    return end(me, fs, worker)


def end(me: OwnerFile, fs: FileSystem, worker: str) -> bool:
    """End the owner `worker`; False if that is not for us to do, in a directory where each removes his own files."""
    try:
        fs.rename(f"{me.temporary}/{OWNER}{worker}", ended_file(me, worker))
    except FileNotFoundError:
        pass  # somebody else did, or we although the answer got lost
    except PermissionError:
        return False
    for name in _names(me, fs):
        if name[1:].startswith(f"-{worker}-") and not is_ended(name):
            unlinked(fs, f"{me.temporary}/{name}")
    me.ended.add(worker)
    return True


def ended_file(me: OwnerFile, worker: str) -> str:
    """The path of an owner file after the owner's end."""
    return f"{me.temporary}/{OWNER}{worker}{_DEAD}"


def unlinked(fs: FileSystem, path: str) -> bool:
    """Remove a file; False if it is not there any more."""
    try:
        fs.unlink(path)
    except FileNotFoundError:
        return False  # somebody else did, or we although the answer got lost
    except PermissionError:
        return False  # another user's, in a directory in which each removes his own files only
    return True


def _names(me: OwnerFile, fs: FileSystem) -> list[str]:
    try:
        return fs.listdir(me.temporary)
    except FileNotFoundError:
        return []


def _is_name(worker: str) -> bool:
    return worker != "" and not worker.strip(HEX)
