"""One large array: storing and loading it, against what the disk takes, and how much memory that needs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..bench import Bench
from ..environments import Program
from ..figures import ORIGINAL, OURS, Figure, Result, at_least, at_most, no_more_than

MEGABYTE = 1_000_000
_DD = "dd conv=fsync"
_READ = "a plain read"


class Arrays:
    """Measures the storing and the loading, and keeps the memory that each of them had at most."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._size = bench.sizes.megabytes
        self._source = bench.place / "random"
        self._jugdirs: dict[str, Path] = {}
        self.peaks: dict[str, list[float]] = {}

    def write_source(self) -> None:
        """What dd copies: as random as the array, and in the cache of the system."""
        with open(self._source, "wb") as stream:
            for _ in range(self._size):
                stream.write(os.urandom(MEGABYTE))

    def store(self, program: Program) -> float:
        """Seconds from the end of the function until the result is in the store."""
        if program.name in self._jugdirs:
            shutil.rmtree(self._jugdirs[program.name])
        jugdir = self._jugdirs[program.name] = self._bench.fresh()
        return self._run(f"{program.name} store", self._bench.jug(program, "execute", jugdir, "arrays.py"), "stored")

    def load(self, program: Program) -> float:
        """Seconds until the value is there, in a process that has read the jugfile."""
        command = [program.python, "load_array.py", str(self._jugdirs[program.name])]
        return self._run(f"{program.name} load", command, "loaded")

    def read(self) -> float:
        return self._run(_READ, [self._bench.programs.ours.python, "load_array.py", str(self._source)], "loaded")

    def copy(self) -> float:
        copy = self._bench.place / "copy"
        seconds = self._bench.runner.run(["dd", f"if={self._source}", f"of={copy}", "bs=1M", "conv=fsync"]).seconds
        copy.unlink()
        return seconds

    def _run(self, name: str, command: list[str], report: str) -> float:
        """Run it with an array of the right size; what it writes to the file `report`. Keeps its peak."""
        run = self._bench.runner.run([*command, str(self._size)])
        self.peaks.setdefault(name, []).append(run.peak)
        path = self._bench.place / report
        seconds = float(path.read_text(encoding="utf-8"))
        path.unlink()
        return seconds

    def share(self, program: Program, what: str, bare: int) -> list[float]:
        """The peaks as multiples of the size of the array, without what the program has with an array of nothing."""
        return [(peak - bare) / (self._size * MEGABYTE) for peak in self.peaks[f"{program.name} {what}"]]

    def bare(self, program: Program) -> int:
        """What a worker has at most that stores an array of no length."""
        jugdir = self._bench.fresh()
        return self._bench.runner.run([*self._bench.jug(program, "execute", jugdir, "arrays.py"), "0"]).peak


def arrays(bench: Bench) -> Result:
    measured = Arrays(bench)
    measured.write_source()
    stores = bench.alternate(
        {_DD: measured.copy, **{program.name: lambda program=program: measured.store(program) for program in bench.both}}
    )
    loads = bench.alternate(
        {_READ: measured.read, **{program.name: lambda program=program: measured.load(program) for program in bench.both}}
    )
    bare = {program: measured.bare(program) for program in bench.both}
    size = f"an array of {bench.sizes.megabytes} MB"
    figures = [
        *_figures(f"storing {size}", stores, _DD, 1.2),
        *_figures(f"loading {size} from the system's cache", loads, _READ, 1.5),
    ]
    for what, doing in (("store", "storing"), ("load", "loading")):
        theirs, ours = (measured.share(program, what, bare[program]) for program in bench.both)
        title = f"{doing} {size}: peak memory over its size"
        figures.append(Figure(title, "times", ours, theirs, ORIGINAL, no_more_than(1.1)))
    return Result(figures)


def _figures(what: str, seconds: dict[str, list[float]], disk: str, most: float) -> list[Figure]:
    """Against the original, and against what the disk alone takes."""
    ours = seconds[OURS]
    return [
        Figure(what, "s", ours, seconds[ORIGINAL], ORIGINAL, at_least(1)),
        Figure(what, "s", ours, seconds[disk], disk, at_most(most), is_inverse=True),
    ]
