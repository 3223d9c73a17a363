"""The one who looks: asks the store what has changed when somebody wants to know, and reads the jugfile if need be.

The jugfile is read again when the results that its barrier needs have come, when results have vanished (what a
jugfile makes may depend on them) and when its file has changed. Whatever it does then, what was known before is shown,
with the error if there is one. Everything happens in the thread that calls: jugfiles and stores see one thread only.
"""

from __future__ import annotations

import os

from jug.engine.views.live_status import LiveStatus
from jug.engine.views.status import State
from jug.errors import JugError, StoreError, sentence
from jug.words.short import number_of

from . import people
from .rate import Rate
from .snapshot import Snapshot, counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from jug.backends.base import base_store
    from jug.barrier import BarrierError
    from jug.engine.graph import Graph

    from .board import Board

# The time between two looks (readings) is at least this many times what one takes.
_LOOKS, _READINGS = 20, 3
_LONGEST_PAUSE = 300.0  # seconds between readings that fail
_RECENTLY = 30.0  # seconds: somebody may still be at work


class Reading:
    """What a jugfile made when it was read.

    Attributes
    ----------
    graph : Graph
    barrier : BarrierError or None
        Where it stopped.
    store : base_store
        The store of its tasks.
    stamp : object
        What :func:`stamp_of` the file was before it was read.
    """

    def __init__(self, graph: Graph, barrier: BarrierError | None, store: base_store, stamp: object) -> None:
        self.graph = graph
        self.barrier = barrier
        self.store = store
        self.stamp = stamp

    def can_go_on(self, status: LiveStatus) -> bool:
        """Whether the results are there that the barrier, if there is one, waits for."""
        if self.barrier is None or self._missing(status):
            return False
        unlisted = [name for name in self.barrier.needs or () if name not in self.graph.index]
        return self.store.first_missing(unlisted) is None

    def _missing(self, status: LiveStatus) -> int:
        """How many tasks the barrier waits for."""
        needs = self.barrier.needs if self.barrier else frozenset()
        if needs is None:
            return self.graph.listed - status.counts()[State.FINISHED]
        return sum(name in self.graph.index and not status.is_finished(name) for name in needs)

    def stop(self, status: LiveStatus) -> dict[str, Any] | None:
        """What there is to be said of the barrier; None if the jugfile was read to its end."""
        if self.barrier is None:
            return None
        missing = self._missing(status)
        until = f"until {number_of(missing, 'task is', 'tasks are')} finished" if missing else "that can open now"
        sentence = f"The jugfile stops at a barrier {until}: there may be more tasks after it."
        return {"missing": missing, "sentence": sentence}


def stamp_of(path: str) -> tuple[int, int] | None:
    """Something that is another after the file was changed."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class JugfileProblem(JugError):
    """The jugfile cannot be read again; `report` is what there is to be said beyond the sentence."""

    def __init__(self, message: str, report: str = "") -> None:
        super().__init__(message)
        self.report = report


class Monitor:
    """Makes snapshots.

    Parameters
    ----------
    reading : Reading
        The jugfile as it has just been read.
    read : callable
        Reads the jugfile again; returns a Reading, or raises JugfileProblem.
    facts : dict
        Fields of the JSON that stay as they are; ``jugfile`` is the path of the jugfile.
    interval : float
        Seconds that a snapshot is fresh, at least.
    clock, now : callable
        Monotonic seconds, and seconds since the epoch.
    """

    def __init__(
        self,
        reading: Reading,
        read: Callable[[], Reading],
        facts: Mapping[str, Any],
        interval: float,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._read = read
        self._facts = facts
        self._interval = interval
        self._clock = clock
        self._now = now
        self._rate = Rate()
        self._workers = people.Workers()
        self._looks = 0
        self._reading = reading
        self._status = LiveStatus(reading.graph, reading.store)
        self._have_vanished = False
        self._stamp = reading.stamp
        self._error: JugfileProblem | None = None
        self._pause = interval
        self._not_before = 0.0

    def run(self, board: Board) -> None:
        """Look whenever somebody wants to see, until nobody will any more."""
        while board.is_wanted():
            self.look(board)

    def look(self, board: Board) -> None:
        """Hang up what there is now.

        Raises
        ------
        StoreError
            The store cannot be asked, and there is no earlier snapshot to be shown instead.
        """
        started = self._clock()
        try:
            snapshot = self._looked()
            if self._must_read_again():
                board.replace(snapshot.with_(is_read_again=True))
                self._read_again()
                snapshot = self._looked()
        except StoreError as error:
            if board.snapshot is None:
                raise
            snapshot = board.snapshot.with_(store_error={"sentence": sentence(str(error))}, is_read_again=False)
        board.hang_up(snapshot, self._fresh_for(self._clock() - started))

    def _looked(self) -> Snapshot:
        store = self._reading.store
        workers, records = store.workers(), store.failures()
        come, gone = self._status.look(records)
        self._looks += 1
        self._have_vanished |= gone > 0
        looked = self._clock()
        self._rate.add(looked, come)
        content = {
            **self._facts,
            "interval": self._interval,
            "barrier": self._reading.stop(self._status),
            "is_read_again": False,
            "jugfile_error": self._error and {"sentence": str(self._error), "report": self._error.report},
            "store_error": None,
            "is_complete": self._reading.barrier is None and self._status.is_complete(),
            **counted(self._status),
            "blocked": self._status.blocked(),
            "workers": self._workers.seen(self._status, looked, workers),
            "failures": people.failures(self._status, records),
        }
        content.update(self._speed(content))
        return Snapshot(content, {"time": round(self._now(), 3), "looks": self._looks}, looked, records)

    def _speed(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The rate, and the time that is left at this rate: only while somebody works."""
        totals = content["totals"]
        # Of short tasks, hardly any is seen running.
        is_going_on = totals["running"] or self._rate.idle() < _RECENTLY
        rate = self._rate.as_dict() if is_going_on else None
        if rate is None:
            return {"rate": None, "seconds_left": None}
        left = totals["tasks"] - totals["finished"] - totals["failed"] - content["blocked"]
        return {"rate": rate, "seconds_left": round(left / rate["per_second"], 1) if left else None}

    def _fresh_for(self, seconds: float) -> float:
        return max(self._interval, _LOOKS * seconds)

    # Reading the jugfile again

    def _must_read_again(self) -> bool:
        stamp = stamp_of(self._facts["jugfile"])
        if stamp != self._stamp:
            self._stamp = stamp
            return True  # somebody works at it, and wants to see what came of it
        if self._clock() < self._not_before:
            return False
        return self._have_vanished or self._reading.can_go_on(self._status)

    def _read_again(self) -> None:
        started = self._clock()
        try:
            reading = self._read()
        except JugfileProblem as problem:
            self._error = problem
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        else:
            self._begin_again(reading)
            self._pause = max(self._interval, _READINGS * (self._clock() - started))
        self._not_before = self._clock() + self._pause

    def _begin_again(self, reading: Reading) -> None:
        """Go on with another graph; what has become finished meanwhile counts, what was before does not."""
        status = LiveStatus(reading.graph, reading.store)
        status.look()
        known, finished = self._status.graph.index, self._status.finished
        come = 0
        for node in range(status.graph.listed):
            earlier = known.get(status.graph.hash(node))
            come += bool(status.finished[node] and earlier is not None and not finished[earlier])
        self._rate.add(self._clock(), come)
        self._reading, self._status, self._stamp = reading, status, reading.stamp
        self._error, self._have_vanished = None, False
