"""Running commands, and what each took: time by the clock, and the most memory that it had.

What a process had at most is counted from its parent's memory at the fork: whoever measures with this must be
small itself, and import neither numpy nor matplotlib.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNIT_OF_PEAK = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Run:
    """What a process took."""

    seconds: float
    peak: int  # bytes


class LeftOutError(Exception):
    """A row cannot be measured here; the message says why in a sentence for readers of the table."""


class CommandError(LeftOutError):
    """A command that is measured failed."""

    def __init__(self, command: Sequence[str], how: str, said: str) -> None:
        words = [Path(word).name if word.startswith("/") else word for word in command]
        super().__init__(f"``{' '.join(words)}`` {how}")
        self.said = said


class Process:
    """A command that runs in a session of its own, so that all that it started can be ended with it."""

    def __init__(self, command: Sequence[str], place: Path, environment: dict[str, str]) -> None:
        self.command = list(command)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed when it is read)
        self._start = time.perf_counter()
        self._process = subprocess.Popen(
            self.command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def end(self, patience: float, statuses: Sequence[int] = (0,)) -> Run:
        """Wait for the end, and see that it is a good one."""
        timer = threading.Timer(patience, self.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(self.pid, 0)
        except BaseException:  # whoever measures is stopped
            self.kill()
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - self._start
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode not in statuses:
            late = seconds >= patience
            how = f"took more than {patience:g} s" if late else f"ended with status {self._process.returncode}"
            raise CommandError(self.command, how, self._read())
        self._said.close()
        return Run(seconds, usage.ru_maxrss * _UNIT_OF_PEAK)

    def kill(self) -> None:
        """End it, and all that it started, at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended

    def stop(self) -> None:
        """Kill it, and wait until it is gone."""
        self.kill()
        self._process.wait()
        self._said.close()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def processor_seconds(self) -> float:
        """Of the processor, used so far by all processes of its session that are there."""
        ticks = 0
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            fields = _status_fields(entry)
            if fields and int(fields[3]) == self.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _read(self) -> str:
        with self._said:
            self._said.seek(0)
            return self._said.read().decode(errors="replace")


def _status_fields(entry: Path) -> list[str]:
    """What Linux says of a process, from its state on (its name, which comes before, may have blanks in it)."""
    try:
        return (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []  # it has ended


class Runner:
    """Runs commands in one place, one environment and with one patience."""

    def __init__(self, place: Path, environment: dict[str, str], patience: float) -> None:
        self.place = place
        self.environment = environment
        self.patience = patience

    def start(self, command: Sequence[str]) -> Process:
        return Process(command, self.place, self.environment)

    def run(self, command: Sequence[str], statuses: Sequence[int] = (0,)) -> Run:
        return self.start(command).end(self.patience, statuses)

    def together(self, commands: Sequence[Sequence[str]]) -> float:
        """Seconds until the last process of these commands has ended, which start at the same time."""
        start = time.perf_counter()
        processes = [self.start(command) for command in commands]
        try:
            for process in processes:
                process.end(self.patience)
        finally:
            for process in processes:
                process.kill()
        return time.perf_counter() - start
