"""One large array: storing and loading it, against what the disk takes, and how much memory that needs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..bench import Bench
from ..environments import Program
from ..figures import ORIGINAL, OURS, Figure, Result, at_least, at_most, no_more_than

MEGABYTE = 1_000_000
DD = "dd conv=fsync"
READ = "a plain read"


class Arrays:
    """Measures the storing and the loading of arrays of one size, and keeps the memory that each run had at most.

    Parameters
    ----------
    bench : Bench
    megabytes : int
        With none, what is measured is what a process needs before it has an array.
    """

    def __init__(self, bench: Bench, megabytes: int) -> None:
        self._bench = bench
        self._size = megabytes
        self._source = bench.place / "random"
        self._jugdirs: dict[str, Path] = {}
        self.peaks: dict[str, list[int]] = {}

    def write_source(self) -> None:
        """What dd copies: as random as the array, and in the cache of the system."""
        with open(self._source, "wb") as stream:
            stream.writelines(os.urandom(MEGABYTE) for _ in range(self._size))

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
        """Seconds for the same number of bytes without jug."""
        return self._run(READ, [self._bench.programs.ours.python, "load_array.py", str(self._source)], "loaded")

    def copy(self) -> float:
        """Seconds for the same number of bytes until the disk has them."""
        copy = self._bench.place / "copy"
        seconds = self._bench.runner.run(["dd", f"if={self._source}", f"of={copy}", "bs=1M", "conv=fsync"]).seconds
        copy.unlink()
        return seconds

    def _run(self, name: str, command: list[str], report: str) -> float:
        """What the command writes to the file `report`."""
        run = self._bench.runner.run([*command, str(self._size)])
        self.peaks.setdefault(name, []).append(run.peak)
        path = self._bench.place / report
        seconds = float(path.read_text(encoding="utf-8"))
        path.unlink()
        return seconds


def arrays(bench: Bench) -> Result:
    size = bench.sizes.megabytes
    measured, nothing = Arrays(bench, size), Arrays(bench, 0)
    for program in bench.both:
        nothing.store(program)
        nothing.load(program)
    measured.write_source()
    stores = {program.name: lambda program=program: measured.store(program) for program in bench.both}
    loads = {program.name: lambda program=program: measured.load(program) for program in bench.both}
    array = f"an array of {size} MB"
    figures = [
        *_figures(f"storing {array}", bench.alternate({DD: measured.copy, **stores}), DD, 1.1),
        *_figures(
            f"loading {array} from the system's cache", bench.alternate({READ: measured.read, **loads}), READ, 1.1
        ),
    ]
    for what, doing in (("store", "storing"), ("load", "loading")):
        shares = []
        for program in bench.both:
            (bare,) = nothing.peaks[f"{program.name} {what}"]
            peaks = measured.peaks[f"{program.name} {what}"]
            shares.append([(peak - bare) / (size * MEGABYTE) for peak in peaks])
        theirs, ours = shares
        title = f"{doing} {array}: peak memory over its size"
        figures.append(Figure(title, "times", ours, theirs, ORIGINAL, no_more_than(1.1)))
    return Result(figures)


def _figures(what: str, seconds: dict[str, list[float]], disk: str, most: float) -> list[Figure]:
    """Against the original, and against what the disk alone takes."""
    ours = seconds[OURS]
    return [
        Figure(what, "s", ours, seconds[ORIGINAL], ORIGINAL, at_least(1)),
        Figure(what, "s", ours, seconds[disk], disk, at_most(most), is_inverse=True),
    ]
