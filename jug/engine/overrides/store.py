"""A store for tasks of classes that override something (:mod:`jug.task_parts.overrides`), among others.

The engine asks one store, by names. What concerns one of these tasks is asked of the task, or of its own store, and all
else goes through. Of a store that belongs to a few tasks, nothing is listed or removed that is not theirs.
"""

from __future__ import annotations

from jug.backends.base import LockDetails, as_name, base_lock, base_store
from jug.backends.listing import Listing
from jug.backends.third_party import adapted
from jug.errors import NotFinishedError, UnstorableError
from jug.task import Task
from jug.task_parts.overrides import ways_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from jug.backends.base import Name
    from jug.backends.result_bytes.verdict import Verdict

    Names = list[bytes]  # in the class, `list` is a method


class SinglyStore(base_store):
    """The store `common`, in front of which are `tasks`."""

    def __init__(self, tasks: Iterable[Task[Any]], common: base_store) -> None:
        self.common = common
        # Before one of the tasks is run, nothing waits: what concerns them need not be in any order.
        self.minds_inputs = getattr(common, "minds_inputs", False)
        self._tasks = {task.hash(): task for task in tasks}
        self._stores = {name: _store_of(task, common) for name, task in self._tasks.items()}
        self._refused: set[bytes] = set()  # locks that were not to be had
        for name in dir(base_store):
            if name not in SinglyStore.__dict__ and not name.startswith("_") and callable(getattr(common, name)):
                setattr(self, name, getattr(common, name))

    def __getattr__(self, name: str) -> Any:
        if name == "common":  # of an object that is just being made, as by copy.copy()
            raise AttributeError(name)
        return getattr(self.common, name)

    # Results

    def dump(self, object: Any, name: Name) -> None:
        self._store(name).dump(object, name)

    def dump_locked(self, object: Any, name: Name, lock: base_lock) -> bool:
        name = as_name(name)
        if name not in self._tasks:
            return self.common.dump_locked(object, name, lock)
        if self._has_stored(name):
            is_stored = True
        else:
            lock = lock.underlying() if isinstance(lock, TaskLock) else lock
            is_stored = self._stores[name].dump_locked(object, name, lock)
        self._require_result(name)
        return is_stored

    def dump_soon(self, object: Any, name: Name, lock: base_lock) -> bool | None:
        name = as_name(name)
        is_special = name in self._tasks
        return self.dump_locked(object, name, lock) if is_special else self.common.dump_soon(object, name, lock)

    def foresee(self, following: Callable[[bytes], Sequence[bytes]] | None) -> None:
        if following is None:
            self.common.foresee(None)
            return
        tell = following

        def ordinary(name: bytes) -> Sequence[bytes]:
            """What follows at once, up to the first that is to be asked itself."""
            names = tell(name)
            special = next((number for number, one in enumerate(names) if one in self._tasks), len(names))
            return names[:special]

        self.common.foresee(ordinary)

    def load(self, name: Name) -> Any:
        name = as_name(name)
        task = self._tasks.get(name)
        ways = ways_of(task)
        if task is None or not (ways.load or ways.value):
            return self._store(name).load(name)
        try:
            if ways.load:
                task.load()
            return task.value()
        except NotFinishedError as error:
            raise KeyError(name) from error

    def load_many(self, names: Iterable[Name]) -> Iterator[tuple[bytes, Any]]:
        wanted = [as_name(name) for name in names]
        ordinary = iter(self.common.load_many([name for name in wanted if name not in self._tasks]))
        for name in wanted:
            yield (name, self.load(name)) if name in self._tasks else next(ordinary)

    def can_load(self, name: Name) -> bool:
        name = as_name(name)
        task = self._tasks.get(name)
        if task is not None and ways_of(task).can_load:
            return bool(task.can_load())
        return self._store(name).can_load(name)

    def first_missing(self, names: Collection[Name]) -> bytes | None:
        wanted = [as_name(name) for name in names]
        missing = self.common.first_missing([name for name in wanted if name not in self._tasks])
        if missing is not None:
            return missing
        return next((name for name in wanted if name in self._tasks and not self.can_load(name)), None)

    def list(self) -> Names:
        found = dict.fromkeys(self.common.list())
        elsewhere = [name for name, store in self._stores.items() if store is not self.common]
        found.update(dict.fromkeys(name for name in elsewhere if self.can_load(name)))
        return [*found]

    def listing(self) -> Listing:
        asked = {name for name, task in self._tasks.items() if ways_of(task).can_load}
        elsewhere: dict[int, tuple[Listing, set[bytes]]] = {}
        for name, store in self._stores.items():
            if store is not self.common and name not in asked:
                elsewhere.setdefault(id(store), (store.listing(), set()))[1].add(name)
        return _Listing(self, asked, [*elsewhere.values()])

    def remove(self, name: Name) -> bool:
        name = as_name(name)
        task = self._tasks.get(name)
        if task is None or not ways_of(task).invalidate:
            return self._store(name).remove(name)
        was_there = self.can_load(name)
        task.invalidate()
        return was_there and not self.can_load(name)

    def remove_many(self, names: Iterable[Name]) -> set[bytes]:
        removed: set[bytes] = set()
        together: Names = []
        for name in map(as_name, names):  # in their order
            if name not in self._tasks:
                together.append(name)
                continue
            removed |= self.common.remove_many(together) if together else set()
            together = []
            if self.remove(name):
                removed.add(name)
        return removed | (self.common.remove_many(together) if together else set())

    def set_aside(self, name: Name) -> str | None:
        return self._store(name).set_aside(name)

    def verify(self, name: Name) -> Verdict | None:
        return self._store(name).verify(name)

    def metadata(self, t: Any) -> dict[str, Any] | None:
        return self._store(t.hash()).metadata(t)

    # Locks

    def getlock(self, name: Name) -> base_lock:
        name = as_name(name)
        task = self._tasks.get(name)
        if task is None or not ways_of(task).locking:
            return self._store(name).getlock(name)
        return TaskLock(task, self._refused)

    def listlocks(self) -> Names:
        return [*self.lock_details()] if self._tasks else [*self.common.listlocks()]

    def lock_states(self) -> dict[bytes, bool]:
        return {name: lock.failed for name, lock in self.lock_details().items()}

    def lock_details(self) -> dict[bytes, LockDetails]:
        details = dict(self.common.lock_details())
        others = {id(store): store for store in self._stores.values() if store is not self.common}
        by_store = {number: store.lock_details() for number, store in others.items()}
        for name, task in self._tasks.items():
            found = by_store.get(id(self._stores[name]), details).get(name)
            if ways_of(task).locking:
                found = self._details_of(name, task, found)
            if found is not None:
                details[name] = found
        return details

    def _details_of(self, name: bytes, task: Task[Any], found: LockDetails | None) -> LockDetails | None:
        """What is known of a lock, of which its store says `found`."""
        if task.is_failed():
            return LockDetails(failed=True) if found is None or not found.failed else found
        if found is not None:
            return found
        if task.is_locked():
            return LockDetails(failed=False)
        # It is nobody's, and was not to be had a moment ago: as one that waits to be taken over.
        return LockDetails(failed=False, abandoned=True) if name in self._refused else None

    def remove_lock(self, name: Name, failed_only: bool = False) -> bool:
        name = as_name(name)
        task = self._tasks.get(name)
        if task is None or not ways_of(task).locking:
            return self._store(name).remove_lock(name, failed_only)
        if not (task.is_failed() if failed_only else task.is_locked()):
            return False
        task.unlock()
        return not task.is_locked() or self._store(name).remove_lock(name, failed_only)

    def remove_locks(self) -> int:
        removed = self.common.remove_locks()
        return removed + sum(self.remove_lock(name) for name in self._tasks)

    def remove_abandoned(self, failed: bool = True) -> int:
        removed = self.common.remove_abandoned(failed)
        for name, lock in self.lock_details().items():
            if name in self._tasks and (lock.abandoned or (lock.failed and failed)):
                self.getlock(name).release()
                removed += not self.getlock(name).is_locked()
        return removed

    def close(self) -> None:
        self.common.close()

    def _store(self, name: Name) -> base_store:
        return self._stores.get(as_name(name), self.common)

    def _has_stored(self, name: bytes) -> bool:
        """Whether the task, which was run, has seen to its result itself."""
        ways = ways_of(self._tasks[name])
        keeps = ways.load or ways.value  # where it finds it again
        return ways.run and (self._stores[name].can_load(name) or (keeps and self.can_load(name)))

    def _require_result(self, name: bytes) -> None:
        """Whoever ran a task is not to find that it has to be run again, for ever."""
        task = self._tasks[name]
        if ways_of(task).can_load and not task.can_load():
            raise UnstorableError(f"{task!s} was run, but its own method can_load() says that it has no result")


class TaskLock(base_lock):
    """The lock of a task, by its own methods; `refused` is told whether it was to be had."""

    def __init__(self, task: Task[Any], refused: set[bytes]) -> None:
        self._task = task
        self._refused = refused

    def get(self) -> bool:
        if self._task.lock():
            self._refused.discard(self._task.hash())
            return True
        self._refused.add(self._task.hash())
        return False

    def release(self) -> None:
        self._task.unlock()

    def is_locked(self) -> bool:
        return bool(self._task.is_locked())

    def fail(self) -> bool:
        return bool(self._task.fail())

    def is_failed(self) -> bool:
        return bool(self._task.is_failed())

    def underlying(self) -> base_lock:
        """That in the store, if the task has taken it."""
        return self._task.__dict__.get("_lock_object") or self


class _Listing(Listing):
    """The results in `store`: the names `asked` one by one, and those that are `elsewhere` by listings of these."""

    def __init__(self, store: SinglyStore, asked: set[bytes], elsewhere: list[tuple[Listing, set[bytes]]]) -> None:
        super().__init__(store.list)
        self._can_load = store.can_load
        self._asked = asked
        self._elsewhere = elsewhere
        self._common = store.common.listing()
        self._not_common = asked.union(*(names for _, names in elsewhere))
        self._there: set[bytes] = set()

    def refresh(self) -> tuple[set[bytes], set[bytes]]:
        appeared, vanished = (names - self._not_common for names in self._common.refresh())
        for listing, names in self._elsewhere:
            come, gone = listing.refresh()
            appeared |= come & names
            vanished |= gone & names
        there = set(filter(self._can_load, self._asked))
        before, self._there = self._there, there
        return appeared | (there - before), vanished | (before - there)

    def knows(self, name: bytes) -> bool:
        return name not in self._not_common and self._common.knows(name)


def _store_of(task: Task[Any], common: base_store) -> base_store:
    if task.store is None or task.store is Task.store:
        return common
    return adapted(task.store)
