"""The contract of a store and of a lock; third parties implement it too.

A store keeps the results of tasks by their hash, and the locks that say who is computing which. *Names* are the
hashes of tasks as ``bytes``: 40 hexadecimal digits, unless somebody chooses names of his own. Every method takes
``str`` as well. What each method promises stands here, once; implementations do not repeat it.

Few methods are abstract. The others are derived from them, and are overridden only to be atomic or fast: a store that
holds a million results answers :meth:`base_store.list` and :meth:`base_store.listing` with a few large questions.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from .details import LockDetails as LockDetails
from .details import WorkerDetails as WorkerDetails
from .listing import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from .inputs import Inputs
    from .result_bytes.verdict import Verdict

    Name = bytes | str


# Below this number of names, a question each is cheaper than one listing.
FEW = 32

#: Seconds without a sign of life after which the locks of a worker of another machine are taken over.
LEASE = 300.0


class base_lock(ABC):
    """Mutual exclusion over one task among all workers on all machines."""

    inputs: Inputs | None = None  # what the result is computed from that waits; see there

    @abstractmethod
    def get(self) -> bool:
        """Try once to acquire the lock; True if it is now ours."""

    @abstractmethod
    def release(self) -> None:
        """Give the lock back; once that is done, nothing more.

        An object that does not hold the lock removes one that is marked as failed, or that its holder has left behind;
        and if it has not tried to get it, another one of this process. That of somebody who may be at work stays.
        """

    @abstractmethod
    def is_locked(self) -> bool:
        """True if somebody, perhaps we, holds the lock or has failed with it."""

    @abstractmethod
    def fail(self) -> bool:
        """Mark a held lock as failed: it stays, so that nobody runs the task again. False if it was not held."""

    @abstractmethod
    def is_failed(self) -> bool:
        """True if the lock is marked as failed."""


class base_store(ABC):
    """Results and locks, by name.

    Attributes
    ----------
    lease : float
        For how many seconds a worker of this process may give no sign of life before its locks count as abandoned.
    patience : float
        For how many seconds it waits, with a result to be stored, while it has no room or cannot be reached.
    """

    lease = LEASE
    patience = 600.0
    minds_inputs = False  # whether it keeps the promises of jug.backends.inputs

    def __init__(self, name: Any = None) -> None:
        """Does nothing; stores of third parties call it with what they were made from."""

    def create(self) -> None:
        """Prepare the store for writing; called when first needed, may be called again."""

    @abstractmethod
    def dump(self, object: Any, name: Name) -> None:
        """Store `object` under `name`, durably: once this returns, a later :meth:`load` finds it, whatever crashes."""

    def dump_locked(self, object: Any, name: Name, lock: base_lock) -> bool:
        """Store what was computed under `lock`, durably, unless the lock was lost: False if it was.

        What a worker has computed that was held up for longer than its lease is not stored, even if there is nothing.
        """
        self.dump(object, name)
        return True

    def dump_soon(self, object: Any, name: Name, lock: base_lock) -> bool | None:
        """As :meth:`dump_locked`; or None: the result waits to be stored with others at the next :meth:`flush`.

        Then the store has the lock, and releases it when the result is durable. Until then only this process sees the
        result. For results that come fast: a store that stores each by itself does so.
        """
        return self.dump_locked(object, name, lock)

    def flush(self) -> Collection[bytes]:
        """Store what waits, durably, and release its locks.

        Returns the names of what was not stored since its lock was lost meanwhile, as :meth:`dump_locked` does not, and
        of what was computed from that. If it fails, what waited is lost, and its locks are released.
        """
        return ()

    def foresee(self, following: Callable[[bytes], Sequence[bytes]] | None) -> None:
        """Be told, by calling `following` with the name of a task, which tasks this worker is to run right after it.

        They are few, and expected to take a moment only; none may be. A store that can take several locks for less
        takes theirs along. It must not keep them for longer than that if the worker is mistaken. None: that is over.
        """

    @abstractmethod
    def load(self, name: Name) -> Any:
        """Return the object stored under `name`; raises ``KeyError`` or ``FileNotFoundError`` if there is none.

        Raises ``UnloadableResultError`` if it is there, but cannot be made again, since its class is gone.
        """

    @abstractmethod
    def can_load(self, name: Name) -> bool:
        """True if there is a result under `name`."""

    @abstractmethod
    def list(self) -> Iterable[bytes]:
        """The names of all results, without reading any of them."""

    @abstractmethod
    def listlocks(self) -> Iterable[bytes]:
        """The names of all locks, failed ones included."""

    @abstractmethod
    def remove(self, name: Name) -> bool:
        """Remove the result under `name`; True if there was one."""

    @abstractmethod
    def remove_locks(self) -> int:
        """Remove all locks; returns how many."""

    @abstractmethod
    def getlock(self, name: Name) -> base_lock:
        """The lock of the task `name`, not yet acquired."""

    @abstractmethod
    def close(self) -> None:
        """Write what is not yet written and release resources. A closed store is not used again."""

    @staticmethod
    def remove_store(jugdir: str) -> None:
        """Remove everything that jug stored at `jugdir`."""
        raise NotImplementedError("This store cannot be removed by jug: " + jugdir)

    def metadata(self, t: Any) -> dict[str, Any] | None:
        """Facts about the stored result of task `t` (``computed``: is there one, ``completed``: when), or None."""
        return None

    def remove_many(self, names: Iterable[Name]) -> set[bytes]:
        """Remove many results, in their order; returns the names of those that there were."""
        return {as_name(name) for name in names if self.remove(name)}

    def cleanup(self, active: Collection[Any], keeplocks: bool = False) -> int:
        """Remove all results but those of the tasks `active` (tasks or names), and abandoned locks unless `keeplocks`.

        What somebody may be at work at stays, the lock and the result. Returns the number of results removed.
        """
        keep = {as_name(t if isinstance(t, (bytes, str)) else t.hash()) for t in active}
        keep.update(name for name, lock in self.lock_details().items() if lock.is_held)
        removed = len(self.remove_many([name for name in self.list() if name not in keep]))
        if not keeplocks:
            self.remove_abandoned()
        return removed

    def first_missing(self, names: Collection[Name]) -> bytes | None:
        """The first of `names` under which there is no result, or None if all are there."""
        if len(names) < FEW:
            return next((as_name(name) for name in names if not self.can_load(name)), None)
        stored = set(self.list())
        return next((as_name(name) for name in names if as_name(name) not in stored), None)

    def load_many(self, names: Iterable[Name]) -> Iterator[tuple[bytes, Any]]:
        """Iterate over ``(name, object)`` of many results, in the order of `names`."""
        for name in names:
            yield as_name(name), self.load(name)

    def remove_lock(self, name: Name, failed_only: bool = False) -> bool:
        """Remove the lock of the task `name`, whoever holds it, or only if it failed; True if it was removed.

        For people and clean-up; a worker gives back what it holds with :meth:`base_lock.release`.
        """
        lock = self.getlock(name)
        if not (lock.is_failed() if failed_only else lock.is_locked()):
            return False
        lock.release()
        return not lock.is_locked()

    def lock_states(self) -> dict[bytes, bool]:
        """All locks by name; the value is True where the lock is marked as failed."""
        return {name: self.getlock(name).is_failed() for name in self.listlocks()}

    def lock_details(self) -> dict[bytes, LockDetails]:
        """All locks by name, and what is known of who holds them: as many questions as there are locks."""
        return {name: LockDetails(failed) for name, failed in self.lock_states().items()}

    def wait_for_holders(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Pause by `sleep`, for so long or until a worker of this machine, whose lock was in our way, has ended."""
        sleep(seconds)

    def remove_abandoned(self, failed: bool = True) -> int:
        """Remove the locks whose holders are gone, and what else these left behind, and failed locks if `failed`.

        Never a lock whose holder may be alive. Returns how many locks were removed.
        """
        return sum(self.remove_lock(name, failed_only=True) for name in self.listlocks()) if failed else 0

    def workers(self) -> Sequence[WorkerDetails]:
        """Who works in this store now, or was at work and is gone without having said so."""
        return ()

    def run_id(self) -> str:
        """The name of the run that this process belongs to.

        Workers that are at work at the same time are of the same run: the one of whoever is at work when this is asked
        first, or a new one.
        """
        if not hasattr(self, "_run"):
            self._run = os.urandom(8).hex()
        return self._run

    def record_failure(self, name: Name, record: dict[str, Any]) -> None:
        """Keep `record` (what JSON can hold) as the last failure of the task `name`, in place of an earlier one.

        A store without room for records keeps none, and nobody depends on them.
        """

    def failure(self, name: Name) -> dict[str, Any] | None:
        """The record of the last failure of the task `name`, or None."""
        return self.failures().get(as_name(name))

    def failures(self) -> dict[bytes, dict[str, Any]]:
        """The records of all tasks that have one, by name; what cannot be read is left out."""
        return {}

    def remove_failures(self, names: Iterable[Name]) -> int:
        """Forget the records of the tasks `names`; returns how many there were."""
        return 0

    def set_aside(self, name: Name) -> str | None:
        """Put away the result `name` if it is damaged, so that its task can run again; returns where it is kept now.

        Whoever calls this holds the lock of the task. None if the result is whole or gone, or the store cannot do this.
        """
        return None

    def verify(self, name: Name) -> Verdict | None:
        """Read the result `name`, and say what is known of it, without unpickling anything; None if that is nothing."""
        return None

    def listing(self) -> Listing:
        """A view of the results that can be refreshed cheaply."""
        return Listing(self.list)


def as_name(name: Name) -> bytes:
    """The canonical form of a name."""
    return name.encode("ascii") if isinstance(name, str) else name
