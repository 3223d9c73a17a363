"""A lock is two keys that change together, each time in one step: ``lock:<hash>`` and ``holder:<hash>``.

``lock:<hash>`` is ``L`` (locked) or ``F`` (failed): workers of Jug 2.7 know no other values, do not take a lock with
another value for one, and overwrite it. Who holds the lock is in ``holder:<hash>``:
``<host>:<pid>:<seconds since the epoch>:<worker>-<number>``. No two are the same, so that a change whose answer was
lost can be repeated, and only the holder's own lock is ever released. Jug 2.7 writes and removes ``lock:<hash>`` alone:
a lock without holder is one of its own, a holder without lock means nothing.
"""

from __future__ import annotations

import os
import time
from itertools import count

from .base import LockDetails, as_name, base_lock
from .redis_link import TOGETHER, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Name
    from .redis_link import Link

RESULT, LOCK, HOLDER = b"result:", b"lock:", b"holder:"
_LOCKED, _FAILED = b"L", b"F"

# 1: it is ours; 2: it is ours, and there is a result; 0: it is locked; -1: it has failed.
_ACQUIRE = Script("""\
if redis.call('SET', KEYS[1], 'L', 'NX') then
    redis.call('SET', KEYS[2], ARGV[1])
elseif redis.call('GET', KEYS[1]) == 'F' then
    return -1
elseif redis.call('GET', KEYS[2]) ~= ARGV[1] then
    return 0
end
return 1 + redis.call('EXISTS', KEYS[3])
""")
_RELEASE = Script("""\
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('GET', KEYS[1]) == 'F' then
    return 0
end
return redis.call('DEL', KEYS[1], KEYS[2])
""")
# Without a token: whoever holds it.
_FAIL = Script("""\
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
redis.call('SET', KEYS[1], 'F')
return 1
""")
_REMOVE = Script("""\
if ARGV[1] == 'failed' and redis.call('GET', KEYS[1]) ~= 'F' then
    return 0
end
return redis.call('DEL', KEYS[1], KEYS[2])
""")


class redis_lock(base_lock):
    """The lock `name` on the server of `link`.

    Acquiring it also tells whether the result is there: a ``can_load`` that follows at once costs no question.
    """

    def __init__(self, link: Link, name: Name) -> None:
        name = as_name(name)
        self._link = link
        self._keys = LOCK + name, HOLDER + name
        self._result = RESULT + name
        self._token = b""

    def get(self) -> bool:
        token = _new_token()
        told = self._link.run(_ACQUIRE, (*self._keys, self._result), token)
        if told > 0:
            self._token = token
            self._link.set_aside(self._result, told == 2)
        else:
            self._link.set_aside(self._keys[0], told < 0)
        return bool(told > 0)

    def release(self) -> None:
        if self._token:
            self._link.run(_RELEASE, self._keys, self._token, owed=True)
            self._token = b""

    def is_locked(self) -> bool:
        return bool(self._link.ask("EXISTS", self._keys[0]))

    def fail(self) -> bool:
        return bool(self._link.run(_FAIL, self._keys, self._token, owed=True))

    def is_failed(self) -> bool:
        told = self._link.recall(self._keys[0])
        return bool(self._link.ask("GET", self._keys[0]) == _FAILED) if told is None else told

    def remove(self, failed_only: bool = False) -> bool:
        """Remove the lock, whoever holds it; True if it was there (and had failed, if that is asked)."""
        state = self._link.ask("GET", self._keys[0])
        if state is None or (failed_only and state != _FAILED):
            return False
        removed = self._link.run(_REMOVE, self._keys, "failed" if failed_only else "any")
        return bool(removed) or not self.is_locked()


def details_of(link: Link, names: Sequence[bytes]) -> dict[bytes, LockDetails]:
    """The locks among `names`, and who holds them."""
    details = {}
    for start in range(0, len(names), TOGETHER):
        some = names[start : start + TOGETHER]
        states, holders = link.ask_all(
            [("MGET", *(LOCK + name for name in some)), ("MGET", *(HOLDER + name for name in some))]
        )
        for name, state, holder in zip(some, states, holders, strict=True):
            if state is not None:
                details[name] = _details(state == _FAILED, holder or b"")
    return details


def _details(failed: bool, holder: bytes) -> LockDetails:
    parts = holder.decode("utf-8", "replace").rsplit(":", 3)
    try:
        host, pid, since = parts[0], int(parts[1]), float(parts[2])
    except (IndexError, ValueError):
        return LockDetails(failed)
    return LockDetails(failed, host, pid, since)


_numbers = count(1)  # taken by one thread each, which `+= 1` does not promise
_worker: tuple[int, str] = (0, "")  # this process, and a name for it that no other has


def _new_token() -> bytes:
    global _worker
    pid, name = _worker
    if pid != os.getpid():
        pid, name = _worker = os.getpid(), os.urandom(6).hex()
    return f"{os.uname().nodename}:{pid}:{time.time():.3f}:{name}-{next(_numbers)}".encode()
