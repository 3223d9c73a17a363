"""The lock of a task, as methods of the task."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.backends.base import base_lock, base_store


class Lockable:
    """Mixin: the lock in the store that belongs to this object's hash."""

    __slots__ = ()

    def hash(self) -> bytes:
        raise NotImplementedError

    def require_store(self) -> base_store:
        """The store; NoStoreError if none has been chosen."""
        raise NotImplementedError

    def lock(self) -> bool:
        """Try once to lock the task; True if it is now ours."""
        return self._lock().get()

    def unlock(self) -> None:
        """Give the lock back; or remove one that was left behind, or marked as failed. Never that of another worker."""
        self._lock().release()
        self.__dict__.pop("_lock_object", None)

    def is_locked(self) -> bool:
        """True if anybody holds the lock of this task, or the task failed and was marked so."""
        return self._lock().is_locked()

    def fail(self) -> bool:
        """Mark the task, which must be locked, as failed."""
        return self._lock().fail()

    def is_failed(self) -> bool:
        """True if the task was marked as failed."""
        return self._lock().is_failed()

    def _lock(self) -> base_lock:
        lock: base_lock | None = self.__dict__.get("_lock_object")
        if lock is None:
            self.__dict__["_lock_object"] = lock = self.require_store().getlock(self.hash())
        return lock
