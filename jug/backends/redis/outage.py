"""How to wait for a server that went away: pauses that grow, an end to patience, and an ear for signals.

What the worker is about to store stays in memory meanwhile. The user is told once that there is a wait, and once that
it is over. A signal that a handler puts off for later (as that of a worker does) ends the wait.
"""

from __future__ import annotations

import os
import signal
import time

from jug.backends.system.signals import Ear
from jug.errors import StoreError
from jug.words.config import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .errors import Trouble

_FIRST_PAUSE = 0.05  # seconds; the very first attempt follows at once, since a server may just close idle connections
_LONGEST_PAUSE = 5.0


class Outage:
    """One time of a server being away, for at most `patience` seconds. Use as a context, and :meth:`end` when it is.

    Attributes
    ----------
    isis_told : bool
        It lasted for longer than a moment.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._start = time.monotonic()
        self._pause = 0.0
        self.is_told = False
        self._ear = Ear()

    def __enter__(self) -> Outage:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ear.close()

    def wait(self, trouble: Trouble) -> None:
        """Pause before the next attempt.

        Raises
        ------
        StoreError
            There is no patience left, or a signal came.
        """
        left = self._start + self._patience - time.monotonic()
        if left <= 0:
            raise StoreError(trouble.what + (f" (waited for {self._patience:g} s)" if self.is_told else ""))
        if self._pause:
            self._tell(trouble)
            self._sleep(min(self._pause * (0.75 + os.urandom(1)[0] / 512), left), trouble)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE) or _FIRST_PAUSE

    def end(self) -> None:
        """The server is back."""
        if self.is_told:
            warn(f"The Redis server is back after {time.monotonic() - self._start:.1f} s")

    def _tell(self, trouble: Trouble) -> None:
        if not self.is_told:
            self.is_told = True
            warn(f"{trouble.what}; trying again for {self._patience:g} s")

    def _sleep(self, seconds: float, trouble: Trouble) -> None:
        signum = self._ear.listen(seconds)
        if signum is not None:
            raise StoreError(f"{trouble.what}; no longer waiting for it, because of {signal.Signals(signum).name}")
