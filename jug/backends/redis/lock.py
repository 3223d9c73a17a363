"""A lock is two keys that change together, each time in one step: ``lock:<hash>`` and ``holder:<hash>``.

``lock:<hash>`` is ``L`` (locked) or ``F`` (failed): workers of Jug 2.7 know no other values, do not take a lock with
another value for one, and overwrite it. Who holds the lock is in ``holder:<hash>``, its *token*:
``<host>:<pid>:<seconds since the epoch>:<worker>-<number>``. No two are the same, so that a change whose answer was
lost can be repeated, and only the holder's own lock is ever released.

**Leases.** The lock itself does not expire: whether its holder is alive is told by the holder's one sign of life
(:mod:`jug.backends.redis.worker`), for all of its locks. Locks that expire one by one would have to be renewed one by
one, and the helper would have to be told of each: a message per task, and nothing would be left that says whose the
lock was. And Jug 2.7, whose GETSET takes the time from a key that was to expire, would make them last for ever. As it
is, the locks of a worker that is gone stand until somebody wants one, or the worker's helper, which outlives it for a
moment, gives them back.

**Taking over** is to delete the two keys if they are still those of the holder that was found to be gone, and if there
is still no sign of life of it, in one step; and then to take the free lock like anybody else. So of many contenders,
old ones among them, one wins.

Jug 2.7 writes and removes ``lock:<hash>`` alone: a lock without holder is one of its own, which nobody ever takes for
abandoned; a holder without lock means nothing. (A lock that 2.7 took where a holder was left, since its ``cleanup``
removed ours, is taken for that holder's.)
"""

from __future__ import annotations

import time

from jug.backends.base import LockDetails, as_name, base_lock
from jug.words.plain import plain_line

from .connection import TOGETHER, Script
from .failures import FAILURES
from .results import PUBLISH, RESULT, publish
from .watchdog import GIVE_BACK, HOLDER, LOCK, WORKER, worker_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from jug.backends.base import Name

    from .connection import Link
    from .liveness import Liveness
    from .prefetch.lock_prefetch import Told
    from .prefetch.write_behind import Conditions, Soon
    from .worker import Worker

_LOCKED, _FAILED = b"L", b"F"

# 1: it is ours; 2: it is ours, and there is a result; 0: it is locked; -1: it has failed. Then, if it is ours, the
# record of a failure; if not, the holder that is in the way, and for how many milliseconds there will still be a sign
# of life of it. The usual answer is 1 alone.
_ACQUIRE = Script(f"""\
local state, record = redis.call('GET', KEYS[1]), redis.call('HGET', KEYS[4], ARGV[2])
if not state then
    redis.call('MSET', KEYS[1], 'L', KEYS[2], ARGV[1])
elseif state == 'F' then
    return {{-1, '', 0}}
else
    local holder = redis.call('GET', KEYS[2]) or ''
    if holder ~= ARGV[1] then
        local worker = string.match(holder, ':(%x+)%-%d+$')
        return {{0, holder, worker and redis.call('PTTL', '{WORKER.decode()}' .. worker) or 0}}
    end
end
local told = 1 + redis.call('EXISTS', KEYS[3])
if told == 1 and not record then
    return 1
end
return {{told, record or '', 0}}
""")
_RELEASE = Script(GIVE_BACK)
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
    """The lock `name` on the server of `link`, for the worker `me`.

    Acquiring it also tells whether the result is there, and how the task failed: a ``can_load`` and a ``failure`` that
    follow at once cost no question.
    """

    def __init__(self, link: Link, name: Name, me: Worker, liveness: Liveness) -> None:
        self._name = as_name(name)
        self._link = link
        self._me = me
        self._liveness = liveness
        self._keys = LOCK + self._name, HOLDER + self._name
        self._result = RESULT + self._name
        self._token = b""
        self._replaces = b""  # "1": there was a result when it was taken
        self._was_tried = self._was_given_back = self._has_failed = False

    def get(self) -> bool:
        self._was_tried, self._was_given_back, self._has_failed = True, False, False
        told, what, token = self._me.here().use(self._name) or self._ask()
        if told > 0:
            self._token = token
            self._replaces = b"1" if told == 2 else b""
            self._link.set_aside({self._result: told == 2, self._name: what})
        else:
            self._link.set_aside({self._keys[0]: told < 0})
        return told > 0

    def _ask(self) -> Told:
        """Take the lock, and those of the tasks that are expected to follow at once; what is told of the first."""
        me = self._me
        me.join()
        for name, old in me.ahead.clear():
            self._give_back(name, old)
        tokens = me.tokens([self._name, *me.ahead.names(self._name)])
        since = time.monotonic()
        try:
            answers = self._acquire(tokens)
            told, holder, life = answers[self._name]
            if told == 0 and self._is_freed(holder, life):
                answers.update(self._acquire({self._name: tokens[self._name]}))
        except BaseException:
            me.forget(tokens.values())
            raise
        me.forget([tokens[name] for name, (told, _, _) in answers.items() if told <= 0])
        ours = {name: (told, what, tokens[name]) for name, (told, what, _) in answers.items()}
        mine = ours.pop(self._name)
        me.ahead.reserve([(name, one) for name, one in ours.items() if one[0] > 0], since)
        return mine

    def _give_back(self, name: bytes, token: bytes) -> None:
        """Along with the next question, release a lock of this worker that was taken ahead."""
        self._link.put_off(_RELEASE, (LOCK + name, HOLDER + name), token, then=lambda _: self._me.forget([token]))

    def _acquire(self, tokens: dict[bytes, bytes]) -> dict[bytes, tuple[int, bytes, int]]:
        """What the server tells of locks, by the names of tasks; those that are free are ours, by their tokens."""
        # Owed: there were locks before, and a server that is full now is worth waiting for.
        calls = [((LOCK + n, HOLDER + n, RESULT + n, FAILURES), (token, n)) for n, token in tokens.items()]
        answers = self._link.run_all(_ACQUIRE, calls, owed=True)
        told = [(answer, b"", 0) if isinstance(answer, int) else answer for answer in answers]
        return dict(zip(tokens, told, strict=True))

    def _is_freed(self, holder: bytes, life: int) -> bool:
        """Take the lock from a holder that is gone; True if it may be free now."""
        if worker_of(holder) != self._me.name:
            return self._liveness.dismiss(holder, life)
        if holder in self._me.held:
            return False
        # We had it, and the server, which has lost its last moments, does not know that we gave it back.
        self._link.run(_RELEASE, self._keys, holder, owed=True)
        return True

    def release(self) -> None:
        if self._token and not self._has_failed:
            self._link.run(_RELEASE, self._keys, self._token, owed=True)
            self._let_go()
        elif not self._was_given_back:
            self._remove_what_is_nobodys()

    def _remove_what_is_nobodys(self) -> None:
        """Of a lock that this object does not hold: see there."""
        state, token = self._link.ask("MGET", *self._keys)
        worker = worker_of(token or b"")
        if state == _FAILED:
            remove_lock(self._link, self._name, failed_only=True)
            self._let_go()
        elif state is None or not worker:
            return
        elif worker != self._me.name:
            if self._liveness.look([worker])[worker].gone:
                self._liveness.bury([worker])
        elif not self._was_tried:
            self._link.run(_RELEASE, self._keys, token, owed=True)
            self._me.forget([token])

    def publish(self, value: bytes) -> bool:
        """Store the value of a result that was computed under this lock, and release it; see there."""
        stored = publish(self._link, (*self._keys, self._result), self._token, value, self._replaces)
        self._let_go()
        return stored

    def publish_later(self, value: bytes, conditions: Conditions, soon: Soon) -> None:
        """As :meth:`publish`, along with the next question, and on `conditions`; `soon` knows of it."""
        token, self._token, self._was_given_back = self._token, b"", True  # whoever releases this now does nothing
        me = self._me

        def settle(stored: bool) -> None:
            me.forget([token])
            me.ahead.settled()
            if not stored:
                soon.overtaken.add(self._name)

        soon.add(self._name, value)
        keys = *self._keys, self._result, *(RESULT + name for name in conditions)
        words = token, value, self._replaces, *conditions.values()
        me.ahead.show(self._link.put_off(PUBLISH, keys, *words, then=settle, size=len(value)))

    def _let_go(self) -> None:
        self._me.forget([self._token])
        self._token, self._was_given_back = b"", True

    def is_locked(self) -> bool:
        return bool(self._link.ask("EXISTS", self._keys[0]))

    def fail(self) -> bool:
        self._has_failed = bool(self._link.run(_FAIL, self._keys, self._token, owed=True))
        return self._has_failed

    def is_failed(self) -> bool:
        told = self._link.recall(self._keys[0])
        return bool(self._link.ask("GET", self._keys[0]) == _FAILED) if told is None else told


def remove_lock(link: Link, name: bytes, failed_only: bool = False) -> bool:
    """Remove a lock, whoever holds it; True if it was there (and had failed, if that is asked)."""
    keys = LOCK + name, HOLDER + name
    state = link.ask("GET", keys[0])
    if state is None or (failed_only and state != _FAILED):
        return False
    removed = link.run(_REMOVE, keys, "failed" if failed_only else "any")
    return bool(removed) or not link.ask("EXISTS", keys[0])


def details_of(link: Link, liveness: Liveness, names: Sequence[bytes]) -> dict[bytes, LockDetails]:
    """The locks among `names`, and who holds them."""
    details, holders = {}, {}
    for start in range(0, len(names), TOGETHER):
        some = names[start : start + TOGETHER]
        states, tokens = link.ask_all(
            [("MGET", *(LOCK + name for name in some)), ("MGET", *(HOLDER + name for name in some))]
        )
        for name, state, token in zip(some, states, tokens, strict=True):
            if state is not None:
                details[name] = _details(state == _FAILED, token or b"")
                holders[name] = worker_of(token or b"")
    _add_liveness(liveness, details, holders)
    return details


def _add_liveness(liveness: Liveness, details: dict[bytes, LockDetails], holders: dict[bytes, bytes]) -> None:
    liveness.meet((holders[name] for name, lock in details.items() if not lock.failed), anew=True)
    workers = liveness.look({holder for holder in holders.values() if holder})
    for name, lock in details.items():
        worker = workers.get(holders[name])
        if worker is not None and not lock.failed:
            lock.worker, lock.silent, lock.abandoned = worker.worker, worker.silent, worker.gone
            lock.one_at_a_time = bool(worker.run)


def _details(failed: bool, holder: bytes) -> LockDetails:
    parts = plain_line(holder.decode("utf-8", "replace")).rsplit(":", 3)
    try:
        host, pid, since = parts[0], int(parts[1]), float(parts[2])
    except (IndexError, ValueError):
        return LockDetails(failed)
    return LockDetails(failed, host, pid, since)
