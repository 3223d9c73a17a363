"""A worker that waits: a task that many need is in the hands of another one."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ..bench import Bench
from ..environments import Program
from ..figures import ORIGINAL, Figure, Result, no_more_than
from ..process import LeftOutError, Process

_CALLS = "%file,getdents64,clock_nanosleep,nanosleep,select,pselect6,poll,ppoll,epoll_wait,epoll_pwait,futex"


@dataclass(frozen=True)
class Wait:
    """What a waiting worker did while it was watched."""

    share: float  # of a core
    looks: int | None = None  # system calls on names below the jugdir, if they could be counted
    polls: int | None = None  # how often it woke up for them


def waiting(bench: Bench, tasks: int) -> Result:
    """The share of a core that it uses, and how often it asks the disk."""
    waits: dict[str, list[Wait]] = {program.name: [] for program in bench.both}

    def measure(program: Program) -> float:
        waits[program.name].append(_watched(bench, program, tasks))
        return waits[program.name][-1].share

    shares = bench.alternate({program.name: lambda program=program: measure(program) for program in bench.both})
    theirs, ours = shares.values()
    what = f"waiting for one task that {tasks:,} others need"
    percent = ([100 * share for share in each] for each in (ours, theirs))
    result = Result([Figure(f"{what}: use of a core", "%", *percent, ORIGINAL, no_more_than(2))])
    _add_looks(result, what, *(waits[program.name] for program in bench.both))
    return result


def _add_looks(result: Result, what: str, theirs: list[Wait], ours: list[Wait]) -> None:
    if any(wait.looks is None for wait in (*theirs, *ours)):
        result.notes.append("Refresh at the store were not counted: strace is not there, or may not be used.")
        return
    per_poll = ([wait.looks / wait.polls for wait in each if wait.polls] for each in (ours, theirs))
    result.figures.append(Figure(f"{what}: system calls on files per look", "calls", *per_poll, goal=no_more_than(20)))


def _watched(bench: Bench, program: Program, tasks: int) -> Wait:
    sizes = bench.sizes
    jugdir = bench.fresh()
    started = bench.place / "started"
    started.unlink(missing_ok=True)
    seconds = 2 * sizes.settle + 2 * sizes.window + 600  # longer than anybody looks
    command = bench.jug(program, "execute", jugdir, "waits.py", str(seconds), str(tasks))
    holder = bench.runner.start(command)
    try:
        _wait_for(started, holder, bench.runner.patience)
        waiter = bench.runner.start(command)
        try:
            return _look_at(waiter, jugdir, sizes.settle, sizes.window)
        finally:
            waiter.stop()
    finally:
        holder.stop()  # its watchdog clears up after it: the directory, in which there is little, is left to it


def _wait_for(path: Path, holder: Process, patience: float) -> None:
    end = time.monotonic() + patience
    while not path.exists():
        if time.monotonic() > end or not holder.is_running():
            raise LeftOutError("no worker took the task that others need")
        time.sleep(0.05)


def _look_at(waiter: Process, jugdir: Path, settle: float, window: float) -> Wait:
    time.sleep(settle)
    before, start = waiter.processor_seconds(), time.monotonic()
    time.sleep(window)
    share = (waiter.processor_seconds() - before) / (time.monotonic() - start)
    if not waiter.is_running():
        raise LeftOutError("the worker did not wait")
    lines = _traced(waiter.pid, window)
    return Wait(share) if lines is None else Wait(share, *counted(lines, str(jugdir)))


def _traced(pid: int, seconds: float) -> list[str] | None:
    """The system calls of the process for so long; None if they cannot be seen."""
    program = shutil.which("strace")
    if program is None:
        return None
    command = [program, "-f", "-q", "-y", "-e", f"trace={_CALLS}", "-e", "signal=none", "-p", str(pid)]
    tracer = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        tracer.wait(seconds)
    except subprocess.TimeoutExpired:
        tracer.terminate()
        return tracer.communicate()[1].splitlines()
    tracer.communicate()
    return None  # it ended by itself: it may not look at other processes


def counted(lines: list[str], jugdir: str) -> tuple[int, int]:
    """How many of the calls are on names below the jugdir, and how often they came after a sleep."""
    looks = polls = 0
    sleeping = True
    for line in lines:
        if jugdir in line:
            looks += 1
            polls += sleeping
            sleeping = False
        elif "sleep" in line or "select" in line or "poll" in line or "futex" in line:
            sleeping = True
    return looks, polls
