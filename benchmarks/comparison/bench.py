"""The bench on which all rows are measured: programs, sizes, a place on a disk, and runs in turn.

Every run is one or more fresh processes; its time includes their start. Before it, all that earlier ones wrote is
synced, and after it, unless it is a mere look, ``jug check`` has to say that all is finished.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .environments import Program, Programs
from .process import Runner

HERE = Path(__file__).resolve().parent
_SHAPES = HERE.parent / "shapes.py"
_IN_MEMORY = Path("/dev/shm")
_BYTES_OF_A_RESULT = 8192  # in memory, with its inode; rather too many


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    small: int = 10_000
    large: int = 100_000
    huge: int = 1_000_000
    growing: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    megabytes: int = 500
    starts: int = 20
    settle: float = 20.0  # seconds until a worker that waits has read its jugfile
    window: float = 40.0  # seconds for which it is watched
    repeats: int = 3

    def at_most(self, tasks: int) -> Sizes:
        """None of the numbers of tasks is larger than that."""
        numbers = {name: min(getattr(self, name), tasks) for name in ("small", "large", "huge")}
        return replace(self, **numbers, growing=tuple(size for size in self.growing if size <= tasks))


FULL = Sizes()
QUICK = Sizes(
    small=100,
    large=1_000,
    huge=10_000,
    growing=(100, 1_000, 10_000),
    megabytes=50,
    starts=3,
    settle=3.0,
    window=5.0,
    repeats=1,
)


class Bench:
    """Everything that a row needs.

    Parameters
    ----------
    programs : Programs
    sizes : Sizes
    runner : Runner
        Its place is a directory on the disk to be measured, which is emptied by whoever made it.
    """

    def __init__(self, programs: Programs, sizes: Sizes, runner: Runner) -> None:
        self.programs = programs
        self.sizes = sizes
        self.runner = runner
        self.place = runner.place
        self._numbers = itertools.count()
        self._finished: dict[tuple[str, int], Path] = {}
        for path in (_SHAPES, *(HERE / "programs").glob("*.py")):
            shutil.copy(path, self.place)

    @property
    def both(self) -> tuple[Program, Program]:
        return self.programs.original, self.programs.ours

    def fresh(self) -> Path:
        """The name of a directory that is not there yet."""
        return self.place / f"{next(self._numbers)}.jugdata"

    def jug(self, program: Program, command: str, jugdir: str | Path, *arguments: str) -> list[str]:
        """A command line; `arguments` are the jugfile and what is for it, by default (if numbers) of shapes.py."""
        jugfile, *own = arguments
        return [program.jug, command, "--jugdir", str(jugdir), jugfile, "--", *own]

    def shape(self, program: Program, command: str, jugdir: str | Path, shape: str, tasks: int) -> list[str]:
        return self.jug(program, command, jugdir, "shapes.py", shape, str(tasks))

    def alternate(
        self, measures: dict[str, Callable[[], float]], repeats: int | None = None, once: Collection[str] = ()
    ) -> dict[str, list[float]]:
        """What each measure returns, in turn, `repeats` times, and every second time the other way round.

        Those in `once` are left out but the first time.
        """
        found: dict[str, list[float]] = {name: [] for name in measures}
        for turn in range(repeats or self.sizes.repeats):
            for name in list(measures)[:: 1 if turn % 2 == 0 else -1]:
                if turn == 0 or name not in once:
                    os.sync()
                    found[name].append(measures[name]())
        return found

    def first_run(self, program: Program, tasks: int, workers: int = 1) -> float:
        """Seconds for independent tasks that do nothing, from the start of the workers to the end of the last one."""
        jugdir = self.fresh()
        return self._first_runs(program, [jugdir] * workers, tasks)

    def runs_apart(self, program: Program, tasks: int) -> float:
        """The same for two workers that share nothing but the machine: each has a directory, and half of the tasks."""
        return self._first_runs(program, [self.fresh(), self.fresh()], tasks // 2)

    def _first_runs(self, program: Program, jugdirs: Sequence[Path], tasks: int) -> float:
        seconds = self.runner.together(
            [self.shape(program, "execute", jugdir, "independent", tasks) for jugdir in jugdirs]
        )
        for jugdir in set(jugdirs):
            self.runner.run(self.shape(program, "check", jugdir, "independent", tasks))
            shutil.rmtree(jugdir)
        return seconds

    def other_run(self, command: Sequence[str], directory: Path) -> float:
        """Seconds for a program that stores something in `directory`."""
        seconds = self.runner.run(command).seconds
        shutil.rmtree(directory)
        return seconds

    def finished(self, program: Program, tasks: int) -> Path:
        """A jugdir on the disk in which the program has run so many independent tasks.

        It is run in memory if there is room, where nobody has to wait for a disk, and copied.
        """
        key = program.name, tasks
        if key not in self._finished:
            jugdir = self.fresh()
            scratch = _directory_in_memory(tasks * _BYTES_OF_A_RESULT)
            made = jugdir if scratch is None else scratch / jugdir.name
            try:
                self.runner.run(self.shape(program, "execute", made, "independent", tasks))
                if made != jugdir:
                    subprocess.run(["cp", "-a", str(made), str(jugdir)], check=True)
            finally:
                if scratch is not None:
                    shutil.rmtree(scratch)
            self.runner.run(self.shape(program, "check", jugdir, "independent", tasks))
            self._finished[key] = jugdir
        return self._finished[key]


def _directory_in_memory(room: int) -> Path | None:
    """A new directory in memory, if there is one with enough room."""
    if not os.access(_IN_MEMORY, os.W_OK) or shutil.disk_usage(_IN_MEMORY).free < 2 * room:
        return None
    directory = _IN_MEMORY / f"jug-compare-{os.getpid()}"
    directory.mkdir()
    return directory
