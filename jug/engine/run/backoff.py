"""How long to wait between two looks at the store, and when to give up.

The first looks follow each other fast, because work often appears soon; then the pauses grow to the cycle time that was
asked for. No pause is shorter than the look before it took: a store with many results is not to be kept busy by that.
Patience ends when that many cycles' worth of time has passed without any progress.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE = 0.003  # seconds: another worker, which has nothing to do either, stores its last results in some more
GROWTH = 1.5


class Backoff:
    """Pauses that grow from a fraction of a second to `cycle` seconds, for at most `cycles` times `cycle` seconds."""

    def __init__(self, cycle: float, cycles: int, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.cycle = cycle
        self.limit = cycle * cycles
        self._clock = clock
        self._sleep = sleep
        self.reset()

    def reset(self) -> None:
        """There was progress: the next pause is short again, and the time that is left is whole."""
        self._pause = FIRST_PAUSE
        self._since: float | None = None

    def wait(self, at_least: float = 0.0) -> bool:
        """Pause, for `at_least` so long if the end is not before that; False (at once) if there is no patience left."""
        now = self._clock()
        if self._since is None:
            self._since = now
        left = self._since + self.limit - now
        if left <= 0:
            return False
        self._sleep(max(0.0, min(max(self._pause, at_least), self.cycle, left)))
        self._pause *= GROWTH
        return True
