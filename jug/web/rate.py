"""How fast tasks become finished, from what was seen of it; nothing is made up of too little."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST = 3600.0  # seconds: what was before says nothing about now
_SHORTEST = 60.0
_ENOUGH = 20  # tasks
_FEWEST, _BRIEFEST = 2, 5.0  # less than these tasks and seconds is chance


class Rate:
    """Tasks per second over a window that reaches back until it holds enough of them.

    Time is that of a monotonic clock. Only what becomes finished counts: results that are removed slow nothing down.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._last: float | None = None  # when something had become finished
        self._samples: deque[tuple[float, int]] = deque()  # when, and how many had become finished by then

    def add(self, now: float, finished: int) -> None:
        """`finished` tasks have become finished since the last call (the first call begins the window)."""
        if self._samples:
            self._seen += finished
            self._last = now if finished else self._last
        self._samples.append((now, self._seen))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _LONGEST:
            self._samples.popleft()

    def window(self) -> tuple[int, float]:
        """How many tasks became finished in how many seconds, up to the last call of :meth:`add`."""
        if not self._samples:
            return 0, 0.0
        now, seen = self._samples[-1]
        finished, seconds = 0, 0.0
        for when, before in reversed(self._samples):
            finished, seconds = seen - before, now - when
            if finished >= _ENOUGH and seconds >= _SHORTEST:
                break
        return finished, seconds

    def idle(self) -> float:
        """For how many seconds nothing has become finished."""
        return float("inf") if self._last is None else self._samples[-1][0] - self._last

    def as_dict(self) -> dict[str, Any] | None:
        """For people and scripts; None as long as too little was seen."""
        finished, seconds = self.window()
        if finished < _FEWEST or seconds < _BRIEFEST:
            return None
        return {"finished": finished, "seconds": round(seconds, 1), "per_second": finished / seconds}
