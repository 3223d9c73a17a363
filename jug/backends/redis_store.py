"""Results and locks on a Redis server that all workers reach.

The keys are those of Jug 2.7, whose workers may work on the same server: ``result:<hash>`` (base64 of the encoded
object) and ``lock:<hash>``. Besides there are ``holder:<hash>`` (:mod:`jug.backends.redis_lock`) and ``fail:<hash>``
(the record of a failure, as JSON). Other keys are not touched, nor are keys of these kinds whose end is not the hash of
a task.

Nothing is asked before it is needed, and what concerns many tasks is asked with a few large questions. A server that
went away is waited for, with the result at hand kept in memory. How long a result lives is the server's business: it
is to save its data and not to evict any (``appendonly yes``, ``maxmemory-policy noeviction``); where it does not, a
worker says so when it begins.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from ..errors import DamagedResultError, UnstorableError
from .base import as_name, base_store
from .encode import decode, encode
from .failures import dump_record, parse_record
from .redis_advice import advise
from .redis_link import TOGETHER, Link
from .redis_lock import HOLDER, LOCK, RESULT, details_of, redis_lock

__all__ = ["redis_lock", "redis_store"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from typing import Any

    from .base import LockDetails, Name

    list_of_keys = list[bytes]  # in the class, `list` is a method

_FAILURE = b"fail:"
_HEX = b"0123456789abcdef"
_MB = 1 << 20
_MOST_BYTES = 512 * _MB  # of one value, unless the server is configured otherwise

# How many results are fetched together at first; and how many bytes are wanted together.
_FIRST_FETCH = 8
_FETCH_BYTES = 2 * _MB


class redis_store(base_store):
    """The store on the server at `url`; see :mod:`jug.backends.redis_url`."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)
        self._advised = False
        self._most_bytes: int | None = None

    # Results

    def dump(self, object: Any, name: Name) -> None:
        value = b2a_base64(encode(object), newline=False)
        if len(value) >= _MB and len(value) > self._limit():
            raise UnstorableError(
                f"The result (of type {type(object).__name__!r}) is too large for Redis: it is {len(value) / _MB:.0f} "
                f"MB there, and {self._limit() / _MB:.0f} MB is the most (write it to a file, and return its name)"
            )
        self._link.ask("SET", RESULT + as_name(name), value, owed=True)

    def load(self, name: Name) -> Any:
        name = as_name(name)
        return _decoded(name, self._link.ask("GET", RESULT + name))

    def can_load(self, name: Name) -> bool:
        key = RESULT + as_name(name)
        told = self._link.recall(key)
        return bool(self._link.ask("EXISTS", key)) if told is None else told

    def metadata(self, t: Any) -> dict[str, Any]:
        return {"computed": self.can_load(t.hash())}

    def list(self) -> Iterator[bytes]:
        return self._names(RESULT)

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
                yield name, _decoded(name, values.pop())

    def remove(self, name: Name) -> bool:
        return bool(self.remove_many([name]))

    def remove_many(self, names: Iterable[Name]) -> set[bytes]:
        wanted = list(dict.fromkeys(as_name(name) for name in names))
        return {key[len(RESULT) :] for key in self._remove(_keys(RESULT, wanted))}

    # Locks

    def getlock(self, name: Name) -> redis_lock:
        if not self._advised:
            self._advised = True
            advise(self._link)
        return redis_lock(self._link, name)

    def listlocks(self) -> Iterator[bytes]:
        return self._names(LOCK)

    def lock_states(self) -> dict[bytes, bool]:
        return {name: details.failed for name, details in self.lock_details().items()}

    def lock_details(self) -> dict[bytes, LockDetails]:
        return details_of(self._link, [*self.listlocks()])

    def remove_lock(self, name: Name, failed_only: bool = False) -> bool:
        return redis_lock(self._link, name).remove(failed_only)

    def remove_locks(self) -> int:
        return len(self._remove(_keys(LOCK, self.listlocks()), HOLDER))

    # Failures

    def record_failure(self, name: Name, record: dict[str, Any]) -> None:
        self._link.ask("SET", _FAILURE + as_name(name), dump_record(record), owed=True)

    def failure(self, name: Name) -> dict[str, Any] | None:
        return parse_record(self._link.ask("GET", _FAILURE + as_name(name)) or b"")

    def failures(self) -> dict[bytes, dict[str, Any]]:
        names = [*self._names(_FAILURE)]
        records = {}
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            for name, text in zip(some, self._link.ask("MGET", *_keys(_FAILURE, some)), strict=True):
                records[name] = parse_record(text or b"")
        return {name: record for name, record in records.items() if record is not None}

    def remove_failures(self, names: Iterable[Name]) -> int:
        return len(self._remove(_keys(_FAILURE, dict.fromkeys(map(as_name, names)))))

    # Ends

    def close(self) -> None:
        self._link.close()

    @staticmethod
    def remove_store(jugdir: str) -> None:
        store = redis_store(jugdir)
        try:
            store.remove_locks()
            for kind in (RESULT, HOLDER, _FAILURE):
                store._remove(_keys(kind, store._names(kind)))
        finally:
            store.close()

    # Many keys at once

    def _names(self, kind: bytes) -> Iterator[bytes]:
        """The names of all keys of a kind, each once."""
        length, start = len(kind) + 40, len(kind)
        seen: set[bytes] = set()
        for keys in self._link.scan(kind + b"*"):
            names = {key[start:] for key in keys if len(key) == length and not key[start:].strip(_HEX)} - seen
            seen |= names
            yield from names

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

    def _limit(self) -> int:
        """How many bytes a value may have."""
        if self._most_bytes is None:
            told = self._link.setting("proto-max-bulk-len")
            self._most_bytes = int(told) if told else _MOST_BYTES
        return self._most_bytes


def _keys(kind: bytes, names: Iterable[bytes]) -> list[bytes]:
    return [kind + name for name in names]


def _decoded(name: bytes, value: bytes | None) -> Any:
    if value is None:
        raise KeyError(name)
    try:
        data = a2b_base64(value)
        if len(data) != len(value) // 4 * 3 - value[-2:].count(b"="):  # what is no base64 has been passed over
            raise ValueError("it is not base64")
        return decode(data)
    except (Base64Error, ValueError, KeyError) as error:  # a KeyError would say that there is no result
        raise DamagedResultError(f"The result {name.decode()} on the Redis server is damaged: {error}") from error
