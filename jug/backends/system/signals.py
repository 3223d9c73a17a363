"""Waiting with an ear for signals: those that a handler only takes note of end the wait, too."""

from __future__ import annotations

import os
import signal
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: What people, shells and batch systems send to have a process end, or to warn it of a limit.
SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGXCPU,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_ALWAYS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Ending:
    """A handler of signals that has this process end at the next chance."""


def _ends(signum: int) -> bool:
    """Whether the process is to end by this signal; those for users may have a handler of the user."""
    return signum in _ALWAYS or (signum in SIGNALS and isinstance(signal.getsignal(signum), Ending))


class Ear:
    """Hears the signals that are to end this process, from when it is made until it is closed, in the main thread."""

    def __init__(self) -> None:
        self._in = -1
        if threading.current_thread() is threading.main_thread():
            self._in, self._out = os.pipe()
            os.set_blocking(self._in, False)
            os.set_blocking(self._out, False)
            self._before = signal.set_wakeup_fd(self._out, warn_on_full_buffer=False)

    def listen(self, seconds: float) -> int | None:
        """Wait so long, or until such a signal comes; returns its number."""
        if self._in < 0:
            time.sleep(seconds)
            return None
        import select

        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._in], [], [], left)[0]:
                heard = [signum for signum in os.read(self._in, 512) if _ends(signum)]
                if heard:
                    return heard[0]
        return None

    def close(self) -> None:
        if self._in >= 0:
            signal.set_wakeup_fd(self._before)
            os.close(self._in)
            os.close(self._out)
            self._in = -1


class Deaf:
    """An ear for worlds without signals; `sleep` is how time passes there."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep

    def listen(self, seconds: float) -> int | None:
        self._sleep(seconds)
        return None

    def close(self) -> None:
        pass
