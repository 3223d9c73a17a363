"""The board between the one who looks at the store and the many who want to see what there was.

One thread (the looker) hangs up snapshots, any other may read them. Nobody looks while nobody asks, and however many
ask, there is one look: whoever asks while the snapshot is fresh gets that, all others together wait for the next one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .snapshot import Snapshot


class Board:
    """Holds the last snapshot.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._wanted = threading.Event()
        self._is_closed = False
        self._snapshot: Snapshot | None = None
        self._fresh_until = 0.0
        self._next: Future[Snapshot] = Future()

    # For those who want to see

    @property
    def snapshot(self) -> Snapshot | None:
        """The last one, however old; None before the first look."""
        return self._snapshot

    def ask(self) -> Future[Snapshot]:
        """A snapshot that is fresh: the last one if it is, else the next one."""
        with self._guard:
            if self._snapshot is not None and self._clock() < self._fresh_until:
                answer: Future[Snapshot] = Future()
                answer.set_result(self._snapshot)
                return answer
            self._wanted.set()
            return self._next

    def age(self) -> float:
        """How many seconds ago the look was that the snapshot shows."""
        return max(0.0, self._clock() - self._snapshot.looked) if self._snapshot else 0.0

    # For the one who looks

    def is_wanted(self) -> bool:
        """Wait until somebody asks; False if nobody will any more."""
        self._wanted.wait()
        return not self._is_closed

    def hang_up(self, snapshot: Snapshot, fresh_for: float) -> None:
        """Show the snapshot to all who wait; nobody is to ask for another one during `fresh_for` seconds."""
        with self._guard:
            self._snapshot = snapshot
            self._fresh_until = self._clock() + fresh_for
            waited_for, self._next = self._next, Future()
            if not self._is_closed:
                self._wanted.clear()
        waited_for.set_result(snapshot)

    def replace(self, snapshot: Snapshot) -> None:
        """Show it in place of the last one, while those who asked wait on for the next."""
        with self._guard:
            self._snapshot = snapshot

    def close(self) -> None:
        """Nobody will ask any more."""
        with self._guard:
            self._is_closed = True
            self._wanted.set()
