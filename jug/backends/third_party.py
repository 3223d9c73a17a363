"""Stores of third parties, which need know no more than the interface that stores have always had.

What else the commands ask for is derived from that, unless the store has it too.
"""

from __future__ import annotations

from .base import as_name, base_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from .base import Name, base_lock

# What every such store has, and this class forwards.
_FORWARDED = ("dump", "load", "can_load", "list", "listlocks", "remove", "remove_locks", "getlock", "close")
# Optional, but not to be taken over as they are: their results, or what they are given, may have other forms.
_ADAPTED = ("create", "remove_many", "cleanup", "metadata")


# By the ids of what they were made of, which live as long as they do.
_adapted: dict[int, adapted_store] = {}
_MOST = 100


class adapted_store(base_store):
    """`store` with the whole interface of :class:`base_store`; its own attributes are seen through it."""

    def __init__(self, store: Any) -> None:
        self.adapted = store
        for name in dir(base_store):
            if not name.startswith("_") and name not in (*_FORWARDED, *_ADAPTED):
                method = getattr(store, name, None)
                if callable(method):  # and not, say, a number of failures
                    setattr(self, name, method)

    def __getattr__(self, name: str) -> Any:
        if name == "adapted":  # of an object that is just being made, as by copy.copy()
            raise AttributeError(name)
        return getattr(self.adapted, name)

    def create(self) -> None:
        if hasattr(self.adapted, "create"):
            self.adapted.create()

    def dump(self, object: Any, name: Name) -> None:
        self.adapted.dump(object, name)

    def load(self, name: Name) -> Any:
        return self.adapted.load(name)

    def can_load(self, name: Name) -> bool:
        return bool(self.adapted.can_load(name))

    def list(self) -> Iterator[bytes]:
        return map(as_name, [*self.adapted.list()])

    def listlocks(self) -> Iterator[bytes]:
        return map(as_name, [*self.adapted.listlocks()])

    def remove(self, name: Name) -> bool:
        return bool(self.adapted.remove(name))

    def remove_many(self, names: Iterable[Name]) -> set[bytes]:
        if not hasattr(self.adapted, "remove_many"):
            return super().remove_many(names)
        return {as_name(name) for name in self.adapted.remove_many([*names])}

    def cleanup(self, active: Collection[Any], keeplocks: bool = False) -> int:
        if not hasattr(self.adapted, "cleanup"):
            return super().cleanup(active, keeplocks)
        removed = self.adapted.cleanup([_Active(t) if isinstance(t, bytes) else t for t in active], keeplocks)
        return removed or 0

    def remove_locks(self) -> int:
        return self.adapted.remove_locks() or 0

    def getlock(self, name: Name) -> base_lock:
        lock: base_lock = self.adapted.getlock(name)
        return lock

    def close(self) -> None:
        self.adapted.close()

    def metadata(self, t: Any) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.adapted.metadata(t) if hasattr(self.adapted, "metadata") else None
        return found


class _Active(bytes):
    """The name of a task, for stores that take tasks to be active."""

    def hash(self) -> bytes:
        return bytes(self)


def adapted(store: Any) -> base_store:
    """`store` itself if it is one of ours by class, and else a store that makes one of it: each time the same one."""
    if isinstance(store, base_store):
        return store
    found = _adapted.get(id(store))
    if found is None or found.adapted is not store:
        if len(_adapted) >= _MOST:
            _adapted.clear()
        found = _adapted[id(store)] = adapted_store(store)
    return found


def missing_in(store: Any) -> list[str]:
    """The methods that every store must have and this object has not."""
    return [name for name in _FORWARDED if not hasattr(store, name)]
