"""A view of a store that asks every question once; what it has been told, it keeps."""

from __future__ import annotations

from .base import FEW, LockDetails, as_name, base_lock, base_store
from .listing import Listing
from .third_party import adapted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any, NoReturn

    from .base import Name, WorkerDetails


class memoize_store(base_store):
    """Answers whether there are results and locks as `base` did when it was first asked. It changes nothing.

    For a report over many tasks that share what they depend on, such as a status: the same questions come again and
    again, and all answers are to be of the same moment. Loading results, and whatever changes the store, raises
    ``NotImplementedError``; :meth:`close` leaves `base` open.

    Parameters
    ----------
    base : base_store
    list_base : bool
        List all results and locks at once, now, instead of asking about one name at a time: cheaper when most of
        them will be asked about.
    """

    def __init__(self, base: base_store, list_base: bool = False) -> None:
        self.base = base
        self._base = adapted(base)
        self._there: dict[bytes, bool] = {}
        self._names: frozenset[bytes] | None = None
        self._locked: frozenset[bytes] | None = None
        self._lock_states: dict[bytes, bool] | None = None
        self._details: dict[bytes, LockDetails] | None = None
        self._locks: dict[bytes, memoize_lock] = {}
        if list_base:
            self.listlocks()
            self.list()

    # Questions

    def can_load(self, name: Name) -> bool:
        name = as_name(name)
        if self._names is not None:
            return name in self._names
        if name not in self._there:
            self._there[name] = self._base.can_load(name)
        return self._there[name]

    def list(self) -> Iterator[bytes]:
        if self._names is None:
            self._names = frozenset(self._base.list())
        return iter(self._names)

    def listing(self) -> Listing:
        return Listing(self.list)

    def first_missing(self, names: Collection[Name]) -> bytes | None:
        if len(names) >= FEW:
            self.list()
        return next((as_name(name) for name in names if not self.can_load(name)), None)

    def listlocks(self) -> Iterator[bytes]:
        if self._locked is None:
            self._locked = frozenset(self._base.listlocks())
        return iter(self._locked)

    def lock_states(self) -> dict[bytes, bool]:
        if self._lock_states is None:
            self._lock_states = self._base.lock_states()
        return dict(self._lock_states)

    def lock_details(self) -> dict[bytes, LockDetails]:
        if self._details is None:
            self._details = self._base.lock_details()
        return dict(self._details)

    def workers(self) -> Sequence[WorkerDetails]:
        return self._base.workers()

    def run_id(self) -> str:
        return self._base.run_id()

    def failure(self, name: Name) -> dict[str, Any] | None:
        return self._base.failure(name)

    def failures(self) -> dict[bytes, dict[str, Any]]:
        return self._base.failures()

    def metadata(self, t: Any) -> dict[str, Any] | None:
        return self._base.metadata(t)

    def getlock(self, name: Name) -> memoize_lock:
        """The state of the lock of the task `name`; it cannot be acquired."""
        name = as_name(name)
        if name not in self._locks:
            unlocked = self._locked is not None and name not in self._locked
            self._locks[name] = memoize_lock(None if unlocked else self._base.getlock(name))
        return self._locks[name]

    # Not for reading only

    def dump(self, object: Any, name: Name) -> NoReturn:
        raise _refused("dump")

    def dump_locked(self, object: Any, name: Name, lock: base_lock) -> NoReturn:
        raise _refused("dump_locked")

    def load(self, name: Name) -> NoReturn:
        raise _refused("load")

    def remove(self, name: Name) -> NoReturn:
        raise _refused("remove")

    def remove_many(self, names: object) -> NoReturn:
        raise _refused("remove_many")

    def remove_lock(self, name: Name, failed_only: bool = False) -> NoReturn:
        raise _refused("remove_lock")

    def remove_locks(self) -> NoReturn:
        raise _refused("remove_locks")

    def remove_abandoned(self, failed: bool = True) -> NoReturn:
        raise _refused("remove_abandoned")

    def cleanup(self, active: object, keeplocks: bool = False) -> NoReturn:
        raise _refused("cleanup")

    def record_failure(self, name: Name, record: dict[str, Any]) -> NoReturn:
        raise _refused("record_failure")

    def remove_failures(self, names: object) -> NoReturn:
        raise _refused("remove_failures")

    def close(self) -> None:
        pass  # `base` is not ours


class memoize_lock(base_lock):
    """The state of the lock `base` (None: it was not there) at the first look."""

    def __init__(self, base: base_lock | None) -> None:
        self.base = base
        self._is_locked: bool | None = None if base else False
        self._is_failed: bool | None = None if base else False

    def is_locked(self) -> bool:
        if self._is_locked is None:
            assert self.base is not None
            self._is_locked = self.base.is_locked()
        return self._is_locked

    def is_failed(self) -> bool:
        if self._is_failed is None:
            assert self.base is not None
            self._is_failed = self.base.is_failed()
        return self._is_failed

    def get(self) -> NoReturn:
        raise _refused("get")

    def release(self) -> NoReturn:
        raise _refused("release")

    def fail(self) -> NoReturn:
        raise _refused("fail")


def _refused(method: str) -> NotImplementedError:
    return NotImplementedError(f"a memoize_store answers questions only, and {method}() is none")
