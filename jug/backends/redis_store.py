"""Results and locks on a Redis server that all workers reach.

The keys are those of Jug 2.7, whose workers may work on the same server: ``result:<hash>``
(:mod:`jug.backends.redis.results`) and ``lock:<hash>``. Besides there are ``holder:<hash>``
(:mod:`jug.backends.redis.lock`), ``worker:<id>`` and ``jug:workers`` (:mod:`jug.backends.redis.worker`),
``jug:failures`` (:mod:`jug.backends.redis.failures`), ``corrupt:<hash>:<seconds>`` (a damaged result that was set
aside) and ``upload:<hash>:...`` (a large result on its way). Other keys are not touched, nor are keys of these kinds
that somebody else has made (:mod:`jug.backends.redis.key_names`).

Nothing is asked before it is needed, and what concerns many tasks is asked with a few large questions. A server that
went away is waited for, with the result at hand kept in memory. How long a result lives is the server's business: it
is to save its data and not to evict any (``appendonly yes``, ``maxmemory-policy noeviction``); where it does not save,
a worker says so when it begins, and where it evicts, none begins. What a server has lost (it was flushed, or another
one took its place that had not heard of everything) is found by the next listing, of which a worker makes one before
it ends.
"""

from __future__ import annotations

import hashlib
import time
from importlib import import_module

from jug.errors import UnstorableError

from .base import as_name, base_store
from .inputs import are_settled
from .listing import Listing
from .redis.connection import TOGETHER, Link, Script
from .redis.failures import FAILURES, Failures
from .redis.key_names import CORRUPT, names_of, our_names, set_aside_keys
from .redis.liveness import Liveness
from .redis.lock import details_of, redis_lock, remove_lock
from .redis.prefetch.write_behind import SIZE_OF_A_CONDITION, Soon
from .redis.results import RESULT, is_damaged, packed, unpacked
from .redis.server_check import refuse_eviction, warn_of_eviction
from .redis.watchdog import HOLDER, LOCK, WORKER, WORKERS
from .redis.worker import Worker

__all__ = ["redis_lock", "redis_store"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from .base import LockDetails, Name, WorkerDetails, base_lock

    list_of_keys = list[bytes]  # in the class, `list` is a method

_MB = 1 << 20
_MOST_BYTES = 512 * _MB  # of one value, unless the server is configured otherwise

# The most bytes of a value that travels with another question: more would make that wait.
_MOST_SOON = 1 << 16

# Bytes of a command beside the value.
_ROOM = 1024

# How many results are fetched together at first; and how many bytes are wanted together.
_FIRST_FETCH = 8
_FETCH_BYTES = 2 * _MB

# Rename the value KEYS[1] with the SHA-1 ARGV[1]. May be repeated.
_SET_ASIDE = Script("""\
local value = redis.call('GET', KEYS[1])
if not value then
    return redis.call('EXISTS', KEYS[2])
end
if redis.sha1hex(value) ~= ARGV[1] then
    return 0
end
return redis.call('RENAMENX', KEYS[1], KEYS[2])
""")


class redis_store(base_store):
    """The store on the server at `url`; see :mod:`jug.backends.redis.address`."""

    minds_inputs = True

    def __init__(self, url: str) -> None:
        self._link = Link(url)
        self._worker = Worker(self._link)
        self._liveness = Liveness(self._link, self._worker)
        self._failures = Failures(self._link)
        self._warned = False
        self._most_bytes: int | None = None
        self._soon = Soon()

    # Results

    def dump(self, object: Any, name: Name) -> None:
        value = self._value(object)
        self._link.catch_up()
        with self._link.worth(len(value)):
            self._link.ask("SET", RESULT + as_name(name), value, owed=True)

    def dump_locked(self, object: Any, name: Name, lock: base_lock) -> bool:
        """The lock is released as well."""
        if not isinstance(lock, redis_lock):
            return super().dump_locked(object, name, lock)
        return self._publish(self._value(object), lock)

    def dump_soon(self, object: Any, name: Name, lock: base_lock) -> bool | None:
        """As :meth:`dump_locked`; or None: a small result travels with the next question, whichever that is."""
        if not isinstance(lock, redis_lock):
            return super().dump_soon(object, name, lock)
        value, conditions = self._value(object), self._soon.conditions(lock)
        if conditions is None or not self._may_wait(value, len(conditions)):
            return are_settled(lock) and self._publish(value, lock)
        lock.publish_later(value, conditions, self._soon)
        return None

    def _publish(self, value: bytes, lock: redis_lock) -> bool:
        with self._link.worth(len(value)):
            return lock.publish(value)

    def flush(self) -> set[bytes]:
        """Store what waits; returns the names of what was not stored, since its lock was lost and another did it."""
        self._link.catch_up()
        return self._soon.tell()

    def foresee(self, following: Callable[[bytes], Sequence[bytes]] | None) -> None:
        self._worker.here().foresee = following

    def load(self, name: Name) -> Any:
        name = as_name(name)
        return unpacked(name, self._link.ask("GET", RESULT + name))

    def can_load(self, name: Name) -> bool:
        key = RESULT + as_name(name)
        told = self._link.recall(key)
        return bool(self._link.ask("EXISTS", key)) if told is None else told

    def metadata(self, t: Any) -> dict[str, Any]:
        return {"computed": self.can_load(t.hash())}

    def list(self) -> list_of_keys:
        return our_names(self._link, RESULT)

    def listing(self) -> Listing:
        return _Listing(self)

    def refuse_losses(self) -> None:
        """For a worker, once it has begun: it does not go on if the server throws results away by now."""
        if self._worker.name:
            refuse_eviction(self._link)

    def first_missing(self, names: Collection[Name]) -> bytes | None:
        wanted = [as_name(name) for name in names]
        start, size = 0, 32
        while start < len(wanted):
            some = wanted[start : start + size]
            if self._link.ask("EXISTS", *_keys(RESULT, some)) < len(some):
                there = self._there(_keys(RESULT, some))
                missing = next((name for name in some if RESULT + name not in there), None)
                if missing is not None:  # otherwise it has come in between
                    return missing
            start, size = start + size, TOGETHER
        return None

    def load_many(self, names: Iterable[Name]) -> Iterator[tuple[bytes, Any]]:
        rest = [as_name(name) for name in names]
        size = _FIRST_FETCH
        while rest:
            some, rest = rest[:size], rest[size:]
            values = self._link.ask("MGET", *_keys(RESULT, some))
            read = sum(len(value or b"") for value in values)
            size = min(max(_FETCH_BYTES * len(some) // (read + 1), 1), 4 * size, TOGETHER)
            values.reverse()
            for name in some:
                yield name, unpacked(name, values.pop())

    def remove(self, name: Name) -> bool:
        return bool(self.remove_many([name]))

    def remove_many(self, names: Iterable[Name]) -> set[bytes]:
        wanted = list(dict.fromkeys(as_name(name) for name in names))
        return {key[len(RESULT) :] for key in self._remove(_keys(RESULT, wanted))}

    def set_aside(self, name: Name) -> str | None:
        name = as_name(name)
        value = self._link.ask("GET", RESULT + name)
        if value is None or not is_damaged(value):
            return None
        place = b"%s%s:%d" % (CORRUPT, name, time.time_ns() // 1_000_000)
        is_done = self._link.run(_SET_ASIDE, (RESULT + name, place), hashlib.sha1(value).hexdigest())
        return f"the key {place.decode()} on the Redis server" if is_done else None

    # Locks

    def getlock(self, name: Name) -> redis_lock:
        return redis_lock(self._link, name, self._worker, self._liveness)

    def listlocks(self) -> list_of_keys:
        return our_names(self._link, LOCK)

    def lock_states(self) -> dict[bytes, bool]:
        return {name: details.failed for name, details in self.lock_details().items()}

    def lock_details(self) -> dict[bytes, LockDetails]:
        if not (self._warned or self._worker.name):
            self._warned = True
            warn_of_eviction(self._link)
        return details_of(self._link, self._liveness, self.listlocks())

    def wait_for_holders(self, seconds: float, sleep: Callable[[float], object]) -> None:
        self._liveness.wait(seconds, sleep)

    def remove_lock(self, name: Name, failed_only: bool = False) -> bool:
        return remove_lock(self._link, as_name(name), failed_only)

    def remove_locks(self) -> int:
        return len(self._remove(_keys(LOCK, self.listlocks()), HOLDER))

    def remove_abandoned(self, failed: bool = True) -> int:
        removed = self._liveness.bury_all()
        failures = [name for name, has_failed in self.lock_states().items() if has_failed] if failed else ()
        return removed + sum(self.remove_lock(name, failed_only=True) for name in failures)

    # Workers

    def workers(self) -> Sequence[WorkerDetails]:
        return sorted(self._liveness.everybody().values(), key=lambda worker: worker.since or 0)

    def run_id(self) -> str:
        return self._worker.run()

    # Failures

    def record_failure(self, name: Name, record: dict[str, Any]) -> None:
        self._failures.record(name, record)

    def failure(self, name: Name) -> dict[str, Any] | None:
        return self._failures.of(name)

    def failures(self) -> dict[bytes, dict[str, Any]]:
        return self._failures.all()

    def remove_failures(self, names: Iterable[Name]) -> int:
        return self._failures.remove(names)

    # What is said by the URL, or by options

    @property
    def lease(self) -> float:
        return self._link.address.lease

    @lease.setter
    def lease(self, seconds: float) -> None:
        self._link.address.lease = seconds

    @property
    def patience(self) -> float:
        return self._link.address.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._link.address.patience = seconds

    # Ends

    def close(self) -> None:
        try:
            self._link.catch_up()
        finally:
            self._worker.leave()
            self._link.close()

    @staticmethod
    def remove_store(jugdir: str) -> None:
        store = redis_store(jugdir)
        try:
            store.remove_locks()
            for kind in (RESULT, HOLDER):
                store._remove(_keys(kind, our_names(store._link, kind)))
            workers = store._link.ask("HKEYS", WORKERS)
            store._remove([WORKERS, FAILURES, *_keys(WORKER, workers), *set_aside_keys(store._link)])
        finally:
            store.close()

    # Many keys at once

    def _there(self, keys: Sequence[bytes]) -> set[bytes]:
        found = self._link.ask_all([("EXISTS", key) for key in keys])
        return {key for key, is_there in zip(keys, found, strict=True) if is_there}

    def _remove(self, keys: Sequence[bytes], along: bytes = b"") -> Sequence[bytes]:
        """Remove the keys, in their order, and their like of the kind `along`; returns those that there were."""
        removed: list_of_keys = []
        for start in range(0, len(keys), TOGETHER):
            # What was there is asked before: when the answer to a removal is lost, nobody could tell any more.
            some = keys[start : start + TOGETHER]
            there = self._there(some)
            gone = [key for key in some if key in there]
            if gone:  # with one command, so that nobody sees a half
                self._link.ask("DEL", *gone, *(along + key.partition(b":")[2] for key in gone if along))
            removed += gone
        return removed

    def _value(self, object: Any) -> bytes:
        value = packed(object)
        if len(value) >= _MB and len(value) > self._limit():
            raise UnstorableError(
                f"The result (of type {type(object).__name__!r}) is too large for Redis: it is {len(value) / _MB:.0f} "
                f"MB there, and {self._limit() / _MB:.0f} MB is the most (write it to a file, and return its name)"
            )
        return value

    def _may_wait(self, value: bytes, conditions: int) -> bool:
        size = len(value) + _ROOM + conditions * SIZE_OF_A_CONDITION
        return len(value) <= _MOST_SOON and self._worker.ahead.has_room(size)

    def _limit(self) -> int:
        """How many bytes a value may have."""
        if self._most_bytes is None:
            told = self._link.setting("proto-max-bulk-len")
            self._most_bytes = int(told) if told else _MOST_BYTES
        return self._most_bytes


class _Listing(Listing):
    """For a worker, the results of a server that throws results away are not worth listing."""

    def __init__(self, store: redis_store) -> None:
        super().__init__(lambda: names_of(store._link, RESULT))
        self._check = store.refuse_losses

    def refresh(self) -> tuple[set[bytes], set[bytes]]:
        self._check()
        return super().refresh()


def __getattr__(name: str) -> Any:
    """``redis_store.redis``: the client library, for scripts that ask for it here as in 2.7. (Jug does not need it.)"""
    if name != "redis":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module(name)
    except ImportError as error:
        raise AttributeError(f"{__name__}.redis is the package 'redis', which is not installed") from error


def _keys(kind: bytes, names: Iterable[bytes]) -> list[bytes]:
    return [kind + name for name in names]
