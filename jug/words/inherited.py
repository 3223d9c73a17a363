"""What a process has from the one that started it, and that would make its work wrong: put right at its start.

Who starts a worker may be anything: a shell, a window manager, a batch system, a thread of a program. What it says on
purpose is kept (signals that are ignored, as ``nohup`` does; limits; priorities).
"""

from __future__ import annotations

import signal

from .config import warn


def put_right() -> None:
    """For a process that is jug's own."""
    if not hasattr(signal, "SIGCHLD"):  # it is a system without
        return
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        # No program's exit status could be had, and Python takes that for success.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # What a thread blocks, the programs that it starts do, too: nothing could end them, and no time limit would pass.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def warn_of_ignored_children() -> None:
    """For a worker in a process that may be somebody else's, or whose jugfile chose it so."""
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        warn("SIGCHLD is ignored (not signal.SIG_DFL): a program that a task runs seems to succeed even if it fails")
