"""This process, as one of those that hold locks on a Redis server: its name, its sign of life, its run.

A worker *joins* before its first lock. ``worker:<id>`` is its sign of life, a key that expires after three quarters of
the lease, and that its helper (:mod:`jug.backends.redis.watchdog`) renews four times in that time. It is ``1`` from the
beginning, and ``2`` once it was missing: others may have taken the worker for dead, and its locks (see
:mod:`jug.backends.redis.results`). What is known of it
is one field, ``<id>``, of the hash ``jug:workers``: the run that it belongs to, and as JSON its host, process and so
on. One sign of life stands for all of its locks, since each lock names the worker (:mod:`jug.backends.redis.lock`): a
task costs no question more than without leases, and the helper need not be told of tasks.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from itertools import count

from jug.backends.system.proc import boot, namespace, process, user
from jug.errors import StoreError

from . import watchdog
from .connection import Script
from .prefetch.lock_prefetch import Ahead
from .results import PUBLISH
from .server_check import advise
from .watchdog import WORKER, WORKERS, give_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

    from .connection import Link

#: Of the lease, a sign of life lasts for so much of it; whoever misses one watches for the rest before he believes it.
LIFE, WATCH = 0.75, 0.25
_BEATS = 4  # in the life of a sign
_RUN_LENGTH = 16

# Join, and say which run it is: that of a worker that is alive, or ARGV[4] if there is none. What is known of workers
# when none is alive is forgotten: they are all gone. May be repeated. (A full server refuses the first of a script's
# changes, or none: that has to be one that needs room.)
_JOIN = Script(f"""\
local mine, run = redis.call('HGET', KEYS[2], ARGV[1]), nil
if mine then
    run = string.sub(mine, 1, {_RUN_LENGTH})
else
    local known = redis.call('HGETALL', KEYS[2])
    for i = 1, #known, 2 do
        if redis.call('EXISTS', '{WORKER.decode()}' .. known[i]) == 1 then
            run = string.sub(known[i + 1], 1, {_RUN_LENGTH})
            break
        end
    end
end
redis.call('SET', KEYS[1], redis.call('GET', KEYS[1]) or ARGV[5], 'PX', ARGV[3])
if not run then
    redis.call('DEL', KEYS[2])
    run = ARGV[4]
end
redis.call('HSET', KEYS[2], ARGV[1], run .. ' ' .. ARGV[2])
return run
""")


class Worker:
    """A worker of this process on the server of `link`; it gives its locks back when it is let go of.

    Attributes
    ----------
    name : bytes
        Its id; empty before it has joined.
    held : dict
        The tasks whose locks it holds, or is about to take, by token.
    ahead : Ahead
        What it has ahead of its tasks.
    """

    name: bytes
    held: dict[bytes, bytes]
    ahead: Ahead

    def __init__(self, link: Link) -> None:
        self._link = link
        self._joining = threading.Lock()
        self._begin()

    def join(self) -> None:
        """Be known, and looked after by a helper, from now on; again if the helper has been killed."""
        if self._owner == os.getpid() and self._helper is not None and self._helper.poll() is None:
            return
        self.here()
        with self._joining:
            if self._helper is not None and self._helper.poll() is None:
                return
            self._join()

    def tokens(self, names: Iterable[bytes]) -> dict[bytes, bytes]:
        """For the lock of each name what no other lock has; counted as held, so that no thread takes it for forgotten.

        A token is ``<host>:<pid>:<seconds since the epoch>:<worker>-<number>``.
        """
        begin = b"%s:%.3f:%s-" % (self._place, time.time(), self.name)
        tokens = {name: b"%b%d" % (begin, next(self._numbers)) for name in names}
        self.held.update((token, name) for name, token in tokens.items())
        return tokens

    def forget(self, tokens: Iterable[bytes]) -> None:
        """The locks of these tokens are not held any more."""
        for token in tokens:
            self.held.pop(token, None)

    def here(self) -> Ahead:
        """What is ahead in this process; nothing of that of the process that it was forked from."""
        if self._owner != os.getpid():
            with self._joining:
                if self._owner != os.getpid():
                    self._begin()
        return self.ahead

    def run(self) -> str:
        """The run that it belongs to."""
        self.join()
        return self._run

    def leave(self) -> None:
        """Give back what it holds, and be forgotten."""
        if self._owner != os.getpid() or self._helper is None:
            return
        self.ahead.close()
        try:
            give_back(self._link.ask, self.name, [(name, token) for token, name in list(self.held.items())])
            self.held.clear()
        except StoreError:
            pass  # the helper will do it, if the server comes back
        else:
            self._tell(b"bye")
        self._let_go()
        self.name = b""

    def _begin(self) -> None:
        end = getattr(self, "_end", None)
        if end is not None:
            end.detach()
        self._owner = os.getpid()
        self._helper: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Worker] | None = None
        self._numbers = count(1)  # taken by one thread each, which `+= 1` does not promise
        self._place = f"{os.uname().nodename}:{self._owner}".encode()
        self._run = ""
        self.name = b""
        self.held = {}
        self.ahead = Ahead()

    def _join(self) -> None:
        import json

        advise(self._link)
        name = self.name or os.urandom(8).hex().encode()
        sign = 2 if self.name else 1
        self._let_go()
        self._start(name)
        life = int(1000 * LIFE * self._link.address.lease)
        facts = json.dumps(_facts(self._link.address.lease))
        try:
            run = self._link.run(_JOIN, (WORKER + name, WORKERS), name, facts, life, os.urandom(8).hex(), sign)
        except BaseException:
            self._let_go()  # whether it is known is not known; the helper sees to it
            raise
        self._run = run.decode()
        self._tell(f"{self._run} {facts}\n".encode())
        self.name = name

    # The helper

    def _start(self, name: bytes) -> None:
        import json
        import subprocess

        told = {
            "worker": name.decode(),
            "pid": os.getpid(),
            "url": self._link.address.url,
            "lease": self._link.address.lease,
        }
        told["life"], told["beat"] = LIFE * self._link.address.lease, LIFE * self._link.address.lease / _BEATS
        told["path"] = _path()
        told["scripts"] = [PUBLISH.source]
        memory = -1
        try:
            told["memory"] = memory = self.ahead.memory()
            # In a session of its own: Ctrl-C is not meant for it.
            helper = self._helper = subprocess.Popen(
                [sys.executable or "python3", "-I", "-S", watchdog.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
                pass_fds=[memory] if memory >= 0 else [],
            )
        except OSError as error:
            raise StoreError(f"Cannot start the process that keeps locks alive: {error}") from error
        finally:
            if memory >= 0:
                os.close(memory)
        self._end = weakref.finalize(self, _hang_up, helper)
        self._tell(json.dumps(told).encode() + b"\n")

    def _tell(self, words: bytes) -> None:
        assert self._helper is not None and self._helper.stdin is not None
        try:
            self._helper.stdin.write(words)
        except OSError:
            pass  # it was killed; the next lock notices

    def _let_go(self) -> None:
        if self._end is not None:
            self._end()
        self._helper = self._end = None


_lingering: list[subprocess.Popen[bytes]] = []  # helpers that end, or clear up, without us


def _hang_up(helper: subprocess.Popen[bytes]) -> None:
    assert helper.stdin is not None
    helper.stdin.close()
    _lingering[:] = [one for one in (*_lingering, helper) if one.poll() is None]


@atexit.register
def _leave_them_alone() -> None:
    for helper in _lingering:
        helper.returncode = 0  # that they go on after us is no mistake, which a Popen would warn of


def _path() -> list[str]:
    """Where the helper finds the package redis: before all else where it is, so that nothing of the user's hides it."""
    import redis

    site = os.path.dirname(os.path.dirname(os.path.abspath(redis.__file__)))
    return [site, *(os.path.abspath(entry) for entry in sys.path if entry)]


def _facts(lease: float) -> dict[str, object]:
    """What others are to know of this process."""
    pid = os.getpid()
    begun = process(pid)
    facts: dict[str, object] = {"host": os.uname().nodename, "pid": pid, "start": begun[0] if begun else ""}
    return facts | {"boot": boot(), "ns": namespace(), "user": user(), "t": time.time(), "lease": lease}
