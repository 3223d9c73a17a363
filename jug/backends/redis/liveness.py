"""Which workers on a Redis server are gone, as far as this process can know by now.

A worker's sign of life is a key that expires (:mod:`jug.backends.redis.worker`). That it is missing says only that the
server has not heard of the worker for a while, or has forgotten it: after the server was away, was started from an old
file, or had its clock set, all workers seem to be gone, and are not. So whoever finds it missing watches for another
quarter of the lease, which is longer than a living worker needs to be heard again, and begins anew if the server was
away meanwhile. By the clock of this process alone; no two clocks are compared.

Who only looks, once, as ``jug status`` does, has not the time for that: for such a process it is enough that the server
has been up for a whole lease.

A worker of this machine is gone as soon as there is no process of its number that began when it did.
"""

from __future__ import annotations

import os
import time

from jug.backends.base import WorkerDetails
from jug.backends.system.proc import boot, namespace, process
from jug.words.plain import plain_line

from .connection import TOGETHER
from .watchdog import HOLDER, WORKER, WORKERS, give_back, tokens_at, worker_of
from .worker import LIFE, WATCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    from .connection import Link
    from .errors import Command
    from .worker import Worker

_INTERVAL = 1.0  # seconds between two questions whether those that we wait for are alive


class Liveness:
    """What this process knows of the workers on the server of `link`. `me` is what it is there itself."""

    def __init__(self, link: Link, me: Worker) -> None:
        self._link = link
        self._me = me
        self._missing: dict[bytes, float] = {}  # since when, by the clock of this process
        self._absences = link.absences
        self._met: dict[bytes, str] = {}  # workers whose locks were in the way, and how they were found

    def look(self, workers: Collection[bytes]) -> dict[bytes, WorkerDetails]:
        """What is known now of these workers."""
        found: dict[bytes, WorkerDetails] = {}
        wanted = list(workers)
        for start in range(0, len(wanted), TOGETHER):
            some = wanted[start : start + TOGETHER]
            questions: list[Command] = [("HMGET", WORKERS, *some), *(("PTTL", WORKER + name) for name in some)]
            told, *lives = self._link.ask_all(questions)
            for name, text, life in zip(some, told, lives, strict=True):
                found[name] = self._details(name, text or b"", life)
        return found

    def everybody(self) -> dict[bytes, WorkerDetails]:
        """What is known of all workers that have not taken their leave."""
        return self.look(self._link.ask("HKEYS", WORKERS))

    def meet(self, workers: Iterable[bytes], anew: bool = False) -> None:
        """These hold locks: :meth:`wait` is to notice if one of them ends. With `anew`, nobody else does."""
        met = {} if anew else self._met
        self._met = {**met, **{name: self._met.get(name, "") for name in workers if name and name != self._me.name}}

    def wait(self, seconds: float, sleep: Callable[[float], object]) -> None:
        """Pause for so long, or until there is news of those that were met."""
        while self._met and seconds > _INTERVAL:
            sleep(_INTERVAL)
            seconds -= _INTERVAL
            if self._has_news():
                return
        sleep(seconds)

    def dismiss(self, token: bytes, life: int) -> bool:
        """If the holder of a lock is gone, give all its locks back; True if this one may be free now.

        `life` is for how many milliseconds its sign of life will still be there.
        """
        worker = worker_of(token)
        if not worker:
            return False
        self.meet([worker])
        if life >= 0 and not _may_be_dead_neighbour(token):  # the usual case: without any more questions
            self._missing.pop(worker, None)
            return False
        if not self.look([worker])[worker].gone:
            return False
        self.bury([worker])
        return True

    def bury(self, workers: Collection[bytes]) -> int:
        """Give the locks of these workers, which are gone, back; returns how many there were."""
        tokens = tokens_at(self._link.ask, self._link.scan(HOLDER + b"*"))
        return sum(give_back(self._link.ask, name, tokens, not self._is_dead_here(name)) for name in workers)

    def bury_all(self) -> int:
        """As :meth:`bury`, with all that are gone."""
        tokens = tokens_at(self._link.ask, self._link.scan(HOLDER + b"*"))
        workers = {*(worker_of(token) for _, token in tokens), *self._link.ask("HKEYS", WORKERS)} - {self._me.name}
        return self.bury([name for name, worker in self.look(workers).items() if worker.gone])

    # One worker

    def _details(self, name: bytes, text: bytes, life: int) -> WorkerDetails:
        run, facts = _parsed(text)
        worker = WorkerDetails(_word(name), plain_line(str(facts.get("host", ""))), 0, None, run)
        worker.user = plain_line(str(facts.get("user", "")))
        pid, since, lease = facts.get("pid"), facts.get("t"), facts.get("lease")
        worker.pid = pid if isinstance(pid, int) else 0
        worker.since = since if isinstance(since, (int, float)) else None
        lease = float(lease) if isinstance(lease, (int, float)) else self._link.address.lease
        missing = self._missing_for(name, life)
        worker.silent = max(0.0, LIFE * lease - life / 1000) if missing is None else LIFE * lease + missing
        is_dead = _is_dead_neighbour(facts)
        worker.gone = is_dead or (missing is not None and (missing >= WATCH * lease or self._is_believed(lease)))
        return worker

    def _missing_for(self, name: bytes, life: int) -> float | None:
        """For how long the sign of life has been missing while the server was there; None if it is not."""
        if self._link.absences != self._absences:
            self._absences = self._link.absences
            self._missing.clear()
        if life >= 0:
            self._missing.pop(name, None)
            return None
        now = time.monotonic()
        return now - self._missing.setdefault(name, now)

    def _is_believed(self, lease: float) -> bool:
        """Whether it is enough for this process that a sign of life is missing."""
        if self._me.name:
            return False
        up = self._link.facts().get("uptime_in_seconds", "")
        return up.isdigit() and int(up) >= lease

    def _is_dead_here(self, name: bytes) -> bool:
        return _is_dead_neighbour(_parsed(self._link.ask("HGET", WORKERS, name) or b"")[1])

    def _has_news(self) -> bool:
        before = self._met
        now = self.look(before)
        self._met = {name: _found(worker) for name, worker in now.items()}
        return any(before[name] != found and found for name, found in self._met.items())


def _word(text: bytes) -> str:
    return plain_line(text.decode("utf-8", "replace"))


def _found(worker: WorkerDetails) -> str:
    if worker.gone:
        return "gone"
    return "" if worker.host else "has left"


def _parsed(text: bytes) -> tuple[str, dict[str, Any]]:
    import json

    run, _, rest = text.partition(b" ")
    try:
        facts = json.loads(rest)
    except (ValueError, RecursionError):
        facts = None
    return _word(run), facts if isinstance(facts, dict) else {}


def _may_be_dead_neighbour(token: bytes) -> bool:
    """Whether the holder could be a process of this machine that is not there any more."""
    host, pid = token.rsplit(b":", 3)[:2]
    return host == os.uname().nodename.encode() and pid.isdigit() and process(int(pid)) is None


def _is_dead_neighbour(facts: dict[str, Any]) -> bool:
    """Whether the process was one of this machine, and is there no more."""
    pid = facts.get("pid")
    if not isinstance(pid, int) or not facts.get("boot"):
        return False
    if (facts.get("host"), facts["boot"], facts.get("ns")) != (os.uname().nodename, boot(), namespace()):
        return False
    found = process(pid)
    return found is None or bool(found[0] and facts.get("start") and found[0] != facts["start"])
