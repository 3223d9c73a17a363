"""Looks at results that are there: a second run, status, the last task of many, and how many files there are."""

from __future__ import annotations

import os
from pathlib import Path

from ..bench import Bench
from ..figures import ORIGINAL, Figure, Goal, Result, at_least, no_more_than
from ..process import Run


def second_run(bench: Bench, tasks: int) -> Result:
    """Nothing is to be done."""
    return _looks(bench, "execute", tasks, f"second run of {tasks:,} tasks (nothing to do)", at_least(4))


def status(bench: Bench, tasks: int) -> Result:
    """All is finished."""
    return _looks(bench, "status", tasks, f"status of {tasks:,} finished tasks", at_least(4))


def _looks(bench: Bench, command: str, tasks: int, what: str, goal: Goal) -> Result:
    jugdirs = {program: bench.finished(program, tasks) for program in bench.both}
    seconds = bench.alternate(
        {
            program.name: lambda program=program: (
                bench.runner.run(bench.shape(program, command, jugdirs[program], "independent", tasks)).seconds
            )
            for program in bench.both
        }
    )
    theirs, ours = seconds.values()
    return Result([Figure(what, "s", ours, theirs, ORIGINAL, goal)])


def status_of_half(bench: Bench, tasks: int) -> Result:
    """Half of them are finished; how long it takes, and how much memory."""
    jugdirs = {program: bench.finished(program, tasks // 2) for program in bench.both}
    runs: dict[str, list[Run]] = {program.name: [] for program in bench.both}

    def measure(program):
        command = bench.shape(program, "status", jugdirs[program], "independent", tasks)
        runs[program.name].append(bench.runner.run(command, statuses=(0, 1)))
        return runs[program.name][-1].seconds

    bench.alternate({program.name: lambda program=program: measure(program) for program in bench.both})
    theirs, ours = runs.values()
    what = f"status of {tasks:,} tasks, half of them finished"
    seconds = ([run.seconds for run in each] for each in (ours, theirs))
    peaks = ([run.peak / 1e6 for run in each] for each in (ours, theirs))
    return Result(
        [
            Figure(what, "s", *seconds, ORIGINAL, no_more_than(6)),
            Figure(f"{what}: peak memory", "MB", *peaks, ORIGINAL, no_more_than(900)),
        ]
    )


def last_task(bench: Bench, tasks: int) -> Result:
    """A task that takes the results of all others, which are there. Each run has one less, and is a new task."""
    jugdirs = {program: bench.finished(program, tasks) for program in bench.both}
    sizes = {program: iter(range(tasks + 1, 0, -1)) for program in bench.both}
    seconds = bench.alternate(
        {
            program.name: lambda program=program: (
                bench.runner.run(
                    bench.shape(program, "execute", jugdirs[program], "fan-in", next(sizes[program]))
                ).seconds
            )
            for program in bench.both
        }
    )
    theirs, ours = seconds.values()
    what = f"one task whose argument is a list of {tasks:,} finished tasks"
    return Result([Figure(what, "s", ours, theirs, ORIGINAL, at_least(5))])


def inodes(bench: Bench, tasks: int) -> Result:
    """How many files and directories the results are."""
    theirs, ours = ([_inodes_below(bench.finished(program, tasks))] for program in bench.both)
    what = f"files and directories of {tasks:,} small results"
    return Result([Figure(what, "inodes", ours, theirs, ORIGINAL, no_more_than(200))])


def _inodes_below(place: Path) -> int:
    found = {os.lstat(place).st_ino}
    for directory, directories, files in os.walk(place):
        found.update(os.lstat(os.path.join(directory, name)).st_ino for name in (*directories, *files))
    return len(found)
