"""Removing somebody else's lock, or taking it over: one of many does it, and only to the very lock that was judged.

Looking and then removing is safe only while nobody else does the same. So those who want to take turns, by a file
``tempfiles/steal-<lock>`` that says whose turn it is: made in one step, so that one of many has it. A turn takes no
time; one whose holder was killed in it is ended by the next who comes, who gives up this time.

Before a lock is taken or removed, its owner is ended, and can publish nothing any more
(:mod:`jug.backends.file.owner.recovery`).
"""

from __future__ import annotations

from contextlib import contextmanager

from .liveness import find
from .recovery import end, end_of, ended_file, owner_of, unlinked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from jug.backends.system.filesystem import FileSystem

    from .liveness import Found, Liveness
    from .owner_file import OwnerFile

STEAL = "steal-"


def take_over(me: OwnerFile, fs: FileSystem, found: Found, liveness: Liveness) -> bool:
    """Make the lock that was found ours, if it still is as it was; there is no moment at which it is nobody's."""
    with _turn(me, fs, found.path, liveness) as is_ours:
        if not is_ours or not is_still(fs, found) or not end_of(me, fs, found, liveness):
            return False
        try:
            return me.replace(found.path, lambda: is_still(fs, found))
        except (PermissionError, FileNotFoundError):
            # Another user's, in a directory in which each removes his own files only; or we have no file: see _turn.
            return False


def take_away(me: OwnerFile, fs: FileSystem, found: Found, liveness: Liveness) -> bool:
    """Remove the lock that was found, if it still is as it was."""
    with _turn(me, fs, found.path, liveness) as is_ours:
        if not is_ours or not is_still(fs, found) or not end_of(me, fs, found, liveness):
            return False
        return unlinked(fs, found.path)


def give_back(me: OwnerFile, fs: FileSystem, owner: Found, liveness: Liveness) -> int:
    """Remove all that one who is gone has left behind: locks, turns, what it was writing, and its owner file.

    Nothing is removed if it turns out to live, which shows in its owner file. (Locks that are no links of this file are
    taken over one by one.) Returns how many locks were removed.
    """
    if not is_still(fs, owner):
        return 0
    worker = owner_of(owner.path)
    if worker:
        if not end(me, fs, worker):
            return 0
        owner = find(fs, ended_file(me, worker)) or owner
    number = owner.attributes.st_ino
    locks = [f"{me.locks}/{lock}" for lock, inode in _inodes(fs, me.locks).items() if inode == number]
    removed = sum(_take_like(me, fs, lock, owner, liveness) for lock in locks)
    for left, inode in _inodes(fs, me.temporary).items():
        if left.startswith(STEAL) and inode == number:
            unlinked(fs, f"{me.temporary}/{left}")
    unlinked(fs, owner.path)
    return removed


def is_still(fs: FileSystem, found: Found) -> bool:
    """Whether what was found is there, unchanged."""
    now = find(fs, found.path)
    return now is not None and now.mark == found.mark


def _take_like(me: OwnerFile, fs: FileSystem, path: str, owner: Found, liveness: Liveness) -> bool:
    """Remove a lock if it is a name of the owner file that was found."""
    found = find(fs, path)
    return found is not None and found.mark == owner.mark and take_away(me, fs, found, liveness)


@contextmanager
def _turn(me: OwnerFile, fs: FileSystem, path: str, liveness: Liveness) -> Iterator[bool]:
    """Whether it is our turn to do something to the lock `path`."""
    turn = f"{me.temporary}/{STEAL}{path.rpartition('/')[2]}"
    with me.one_at_a_time:
        try:
            # Of this process there is no other turn now: if it is ours, the reply got lost that said so.
            is_ours = me.claim(turn) or me.is_at(turn)
        except FileNotFoundError:  # somebody took us for gone just now, and has removed what we had: not this time
            yield False
            return
        if not is_ours:
            _end_of_one_who_is_gone(me, fs, turn, liveness)
            yield False
            return
        try:
            yield True
        finally:
            unlinked(fs, turn)


def _end_of_one_who_is_gone(me: OwnerFile, fs: FileSystem, turn: str, liveness: Liveness) -> None:
    found = find(fs, turn)
    if found is None or not liveness.is_gone(found) or not end_of(me, fs, found, liveness):
        return
    # Moved before it is removed: what was moved can be looked at, and nobody else can mistake it for his own.
    aside = me.passing("s")
    try:
        fs.rename(turn, aside)
    except (FileNotFoundError, PermissionError):
        return
    moved = find(fs, aside)
    if moved is not None and moved.mark != found.mark:
        _put_back(fs, aside, turn)
    unlinked(fs, aside)


def _put_back(fs: FileSystem, aside: str, turn: str) -> None:
    """It was another one's turn, who was quicker than we."""
    try:
        fs.link(aside, turn)
    except OSError:
        pass  # a third one's, by now


def _inodes(fs: FileSystem, directory: str) -> dict[str, int]:
    try:
        return fs.inodes(directory)
    except FileNotFoundError:
        return {}
