"""What is known of locks: of one, and of all in a jugdir at once.

The locks of one holder are names of one file. So what it says, and whether its holder is there, is found out once for
all of them, where the listing of a directory tells which file each name is of.
"""

from __future__ import annotations

from copy import copy

from jug.backends.base import LockDetails
from jug.backends.file.owner.liveness import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.backends.file.directory import JugDir
    from jug.backends.file.owner.liveness import Found, Liveness


def details_of(found: Found, name: str, live: Liveness) -> LockDetails:
    """What is known of the lock of the task `name`."""
    holder = found.holder
    details = LockDetails(found.failed, holder.host, holder.pid, _since(found, name), live.is_gone(found))
    details.silent = live.silent(found)
    details.worker = holder.worker
    details.one_at_a_time, details.is_noted = bool(holder.run), holder.task == name
    return details


def details_of_all(jugdir: JugDir) -> dict[bytes, LockDetails]:
    """What is known of each lock."""
    # What a listing says may be old where machines do not see every change at once: there each is looked at.
    numbers = jugdir.lock_numbers() if jugdir.ownership.is_coherent else dict.fromkeys(jugdir.locks(), 0)
    known: dict[int, tuple[Found, LockDetails]] = {}
    all_details = {}
    for lock, number in numbers.items():
        name = lock.decode("ascii")
        if number in known:
            found, details = known[number]
            details = copy(details)
            details.since, details.is_noted = _since(found, name), found.holder.task == name
        else:
            one = find(jugdir.fs, jugdir.lock(name))
            if one is None:
                continue
            found, details = one, details_of(one, name, jugdir.liveness)
            if found.attributes.st_ino == number:
                known[number] = found, details
        all_details[lock] = details
    return all_details


def _since(found: Found, name: str) -> float | None:
    holder = found.holder
    if holder.task == name:
        return holder.task_since
    return found.attributes.st_ctime if holder.worker else holder.since
