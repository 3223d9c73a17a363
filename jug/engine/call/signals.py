"""Signals that end a worker, delivered only where they do no harm.

While a task's function runs, or while the worker waits, a signal raises :class:`Interrupted` at once. Everywhere else
(with a lock half taken, a result half written) it is remembered, and raised at the next such place. A function that
catches it, as ``except:`` does, has not escaped: what it returns does not count.

Signals that are ignored stay ignored (``nohup``), and a handler that the jugfile or a task has set stays as well. One
of the jugfile is called where ours would raise; only if it raises itself, as ``sys.exit()`` does, the worker ends.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager

from jug.backends.system.signals import SIGNALS, Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

#: For as long, a signal may be on its way to this process that has ended a program of the task already, in seconds.
GRACE = 1.0
_MOST_CAUSES = 10
_AGAIN = 1.0  # seconds: whoever sends it twice by mistake, as batch systems do, interrupts no clean-up of the task


class Interrupted(BaseException):
    """The worker is to end; ``signum`` says by which signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


def ignore_signals() -> None:
    """For a process that is ending already: let it do so in peace."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


class Interrupts(Ending):
    """Catches the signals while it is entered (in the main thread; elsewhere it does nothing)."""

    def __init__(self) -> None:
        self._pending: int | None = None
        self._is_open = False
        self._raised: tuple[int, float] | None = None  # by which signal, and when
        self._before: dict[int, Any] = {}
        self._pid = 0

    def __enter__(self) -> Interrupts:
        self._pid = os.getpid()
        if threading.current_thread() is threading.main_thread():
            others = _caught_elsewhere()
            for signum in SIGNALS:
                before = signal.getsignal(signum)
                if before is not signal.SIG_IGN and before is not None and signum not in others:
                    self._before[signum] = signal.signal(signum, self)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *exc_info: object) -> None:
        for signum, handler in self._before.items():
            if signal.getsignal(signum) is self:  # a task may have set one of its own
                signal.signal(signum, handler)
        if exc_type is None:  # one that came after the last check must not get lost
            self.check()

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """The handler."""
        if os.getpid() != self._pid:  # a process that a task forked, as multiprocessing does: it is none of ours
            signal.signal(signum, self._before[signum])
            os.kill(os.getpid(), signum)
            return
        self._pending = signum
        if self._is_open and not self._is_repeated(signum):
            self._deliver(frame)

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._pending is not None:
            self._deliver(None)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Here a signal raises at once."""
        self._is_open = True
        try:
            self.check()
            yield
        finally:
            self._is_open = False
        if self._raised is not None:  # and was caught
            raise Interrupted(self._raised[0])

    def _is_repeated(self, signum: int) -> bool:
        """Whether the task is just about to end because of an earlier one; SIGXCPU comes every second."""
        return self._raised is not None and (signum == signal.SIGXCPU or time.monotonic() - self._raised[1] < _AGAIN)

    def _deliver(self, frame: FrameType | None) -> None:
        signum = self._pending
        assert signum is not None
        theirs = self._before.get(signum)
        if callable(theirs) and theirs is not signal.default_int_handler:
            self._pending = None
            try:
                theirs(signum, frame)
            except BaseException as error:
                self._pending = signum
                raise self._interrupted(signum) from error
        else:
            raise self._interrupted(signum)

    def _interrupted(self, signum: int) -> Interrupted:
        self._raised = signum, time.monotonic()
        return Interrupted(signum)


def may_be_by_a_signal(error: BaseException | None) -> bool:
    """Whether `error` says that a program was ended by such a signal: we may be about to get it, too.

    Batch systems send it to all processes of a job, one after the other.
    """
    for _ in range(_MOST_CAUSES):
        if error is None:
            break
        code = getattr(error, "returncode", None)
        if isinstance(code, int) and (-code in SIGNALS or code - 128 in SIGNALS):  # of the program, or by its shell
            return True
        error = error.__cause__ or error.__context__
    return False


def _caught_elsewhere() -> frozenset[int]:
    """The signals that a C library handles (faulthandler, MPI): Python does not know of them."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as stream:
            caught = next((int(line.split()[1], 16) for line in stream if line.startswith("SigCgt:")), 0)
    except (OSError, ValueError, IndexError):
        return frozenset()
    return frozenset(s for s in SIGNALS if caught >> (s - 1) & 1 and signal.getsignal(s) is signal.SIG_DFL)
