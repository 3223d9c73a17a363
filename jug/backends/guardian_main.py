"""The other end of the line of :mod:`jug.backends.guardian_process`: the guardian's own process."""

from __future__ import annotations

import os
import select
from mmap import PROT_READ, mmap

from .fsops import FileSystem
from .guardian import Charge, Guardian
from .guardian_process import ANSWERS, LINE, MEMORY, RUNS, SHARED
from .kernel import process
from .persistence import Persistent


class WorkersLine:
    """The guardian's end of the line."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._text = b""
        self._memory: mmap | None = None
        try:
            self._memory = mmap(SHARED, MEMORY, prot=PROT_READ)
        except OSError:
            pass

    def listen(self, seconds: float) -> list[str] | None:
        if os.getppid() != self._pid:  # processes that it forked may still have its end of the pipe
            return None
        if not select.select([LINE], [], [], seconds)[0]:
            return []
        data = os.read(LINE, 1 << 16)
        if not data:
            return None
        *lines, self._text = (self._text + data).split(b"\n")
        return [line.decode("ascii") for line in lines if line]

    def answer(self, yes: bool) -> None:
        os.write(ANSWERS, b"1" if yes else b"0")

    def running(self) -> tuple[bytes, float]:
        if self._memory is None:
            return b"", 0.0
        task, since = RUNS.unpack_from(self._memory, 0)
        return task.rstrip(b"\0"), since

    def is_stopped(self) -> bool:
        found = process(self._pid)
        return found is not None and found[1]


def main(arguments: list[str]) -> None:
    """What the other process does."""
    charge = Charge.of(arguments)
    os.closerange(SHARED + 1, 1024)
    os.chdir("/")
    fs: FileSystem = Persistent(FileSystem())  # type: ignore[assignment]  # it has all calls
    Guardian(fs, charge, WorkersLine(charge.pid)).run()
