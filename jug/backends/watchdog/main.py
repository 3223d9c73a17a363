"""The other end of the line of :mod:`jug.backends.watchdog.process`: the watchdog's own process."""

from __future__ import annotations

import os
import select

from jug.backends.file.prefetch.watch_duty import Watchdog
from jug.backends.system.filesystem import FileSystem
from jug.backends.system.proc import process
from jug.backends.system.retry import Retrying

from .process import ANSWERS, LINE, SHARED, Charge
from .shared_memory import Mirror


class WorkersLine:
    """The watchdog's end of the line, of which some has been read: what was `said`."""

    def __init__(self, pid: int, said: bytes = b"") -> None:
        self._pid = pid
        self._worker = process(pid)
        self._said = said
        self._text = b""
        self.mirror: Mirror | None = None
        try:
            self.mirror = Mirror(SHARED, writes=False)
        except OSError:
            pass  # there is none here

    def listen(self, seconds: float) -> list[str] | None:
        found = process(self._pid)  # and not our parent: that may be a program around this Python
        if found is None or self._worker is None or found[0] != self._worker[0]:
            return None  # processes that it forked may still have its end of the pipe
        data, self._said = self._said, b""
        if not data:
            if not select.select([LINE], [], [], seconds)[0]:
                return []
            data = os.read(LINE, 1 << 16)
        if not data:
            return None
        *lines, self._text = (self._text + data).split(b"\n")
        return [line.decode("ascii") for line in lines if line]

    def answer(self, yes: bool) -> None:
        try:
            os.write(ANSWERS, b"1" if yes else b"0")
        except OSError:
            pass  # it has ended

    def is_stopped(self) -> bool:
        found = process(self._pid)
        return found is not None and found[1]


def main(arguments: list[str], said: bytes) -> None:
    """What the other process does, which has read so much of the line."""
    charge = Charge.of(arguments)
    fs: FileSystem = Retrying(FileSystem())  # type: ignore[assignment]  # it has all calls
    Watchdog(fs, charge, WorkersLine(charge.pid, said)).run()
    os._exit(0)  # nothing is left to do, and the worker waits
