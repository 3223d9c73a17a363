"""Who is at work in a store, and what everybody holds: what the store says of workers and of locks, as one list.

Old workers leave no more than their locks, and some not even their names in these: they are in the list, too. A lock
that is marked as failed is held by nobody.
"""

from __future__ import annotations

from jug.backends.base import WorkerDetails

from .status import State, marks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jug.backends.base import LockDetails

    _Key = tuple[str, int, str]


class Holder:
    """A worker, and the locks that it holds.

    Attributes
    ----------
    details : WorkerDetails
        Of one that is known by its locks alone, no more than these say; host and pid may be empty and 0.
    is_known : bool
        False for such a one.
    locks : list of (bytes, LockDetails)
        Of what it runs, or has left behind; the longest held first.
    claimed : int
        How many tasks it holds besides: it runs them next, or their results are about to be stored.
    """

    def __init__(self, details: WorkerDetails, is_known: bool) -> None:
        self.details = details
        self.is_known = is_known
        self.locks: list[tuple[bytes, LockDetails]] = []
        self.claimed = 0

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have ended."""
        return self.details.gone or any(lock.abandoned for _, lock in self.locks)


def holders(workers: Iterable[WorkerDetails], locks: Mapping[bytes, LockDetails]) -> list[Holder]:
    """All workers, those that are gone last, and all locks that are held."""
    found: dict[_Key, Holder] = {}
    by_name: dict[str, Holder] = {}
    for details in workers:
        by_name[details.worker] = found[details.host, details.pid, details.worker] = Holder(details, is_known=True)
    for name, mark in marks_of(locks).items():
        lock = locks[name]
        if mark is State.FAILED:
            continue
        holder = (by_name.get(lock.worker) if lock.worker else None) or _of_lock(found, lock)
        if mark is State.CLAIMED:
            holder.claimed += 1
        else:
            holder.locks.append((name, lock))
    for holder in found.values():
        holder.locks.sort(key=_since)
    return sorted(found.values(), key=_order)


def _of_lock(found: dict[_Key, Holder], lock: LockDetails) -> Holder:
    """The holder of a lock of which the store does not tell otherwise."""
    key = lock.host, lock.pid, lock.worker
    if key not in found:
        found[key] = Holder(WorkerDetails(lock.worker, lock.host, lock.pid), is_known=False)
    return found[key]


def _since(item: tuple[bytes, LockDetails]) -> tuple[float, bytes]:
    return item[1].since or 0.0, item[0]


def _order(holder: Holder) -> tuple[bool, bool, str, int, str]:
    who = holder.details
    return holder.is_gone, not who.host, who.host, who.pid, who.worker
