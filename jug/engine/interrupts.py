"""Signals that end a worker, delivered only where they do no harm.

While a task's function runs, or while the worker waits, a signal raises :class:`Interrupted` at once. Everywhere else
(with a lock half taken, a result half written) it is remembered, and raised at the next such place.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The worker is to end; ``signum`` says by which signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


def ignore_signals() -> None:
    """For a process that is ending already: let it do so in peace."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


class Interrupts:
    """Catches the signals while it is entered (in the main thread; elsewhere it does nothing)."""

    def __init__(self) -> None:
        self._pending: int | None = None
        self._is_open = False
        self._before: dict[int, Any] = {}
        self._pid = 0

    def __enter__(self) -> Interrupts:
        self._pid = os.getpid()
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup means it
                    self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *exc_info: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        if exc_type is None:  # one that came after the last check must not get lost
            self.check()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a process that a task forked, as multiprocessing does: it is none of ours
            signal.signal(signum, self._before[signum])
            os.kill(os.getpid(), signum)
            return
        self._pending = signum
        if self._is_open:
            self._is_open = False
            raise Interrupted(signum)

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._pending is not None:
            raise Interrupted(self._pending)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Here a signal raises at once."""
        self._is_open = True
        try:
            self.check()
            yield
        finally:
            self._is_open = False
