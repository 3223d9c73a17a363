"""When a worker that has met another one looks at the store again: as often as that pays.

A look brings the plan up to date, and takes long where there are many results. Until the next one, the worker runs into
tasks that others have finished, one by one. So it looks once it has lost as much time by that as a look takes, or once
a look is a small part of the time since the last one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_INTERVAL = 0.02  # seconds, at least
_SHARE = 20  # one part in so many of the time may be spent on looking, whatever was lost


class Refresh:
    """What looks cost, and what is lost without them, by `clock`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = self._last = self._lost = 0.0
        #: Seconds that the last look took.
        self.cost = 0.0

    def begin(self) -> None:
        """A look begins."""
        self._start = self._clock()

    def end(self) -> None:
        """The look is over."""
        self._last = self._clock()
        self.cost = self._last - self._start
        self._lost = 0.0

    def in_vain(self, since: float) -> None:
        """A task was claimed since then that is finished, as a look would have told."""
        self._lost += self._clock() - since

    def is_due(self) -> bool:
        """Whether it is time for another look."""
        since = self._clock() - self._last
        return since >= _INTERVAL and (self._lost >= self.cost or since >= _SHARE * self.cost)
