"""What a command adds to Python's own start."""

from __future__ import annotations

from ..bench import Bench
from ..environments import Program
from ..figures import ORIGINAL, Figure, Result, no_more_than

_BARE = "bare"


def starting(bench: Bench) -> Result:
    measures = {}
    for program in bench.both:
        for name, command in _commands(program).items():
            measures[f"{program.name} {name}"] = lambda command=command: bench.runner.run(command).seconds
    for measure in measures.values():
        measure()  # the first starts may have to read much from the disk
    seconds = bench.alternate(measures, repeats=bench.sizes.starts)
    figures = []
    for name, most in (("import jug", 0.03), ("jug --version", 0.06)):
        theirs, ours = (_over(seconds, program, name) for program in bench.both)
        figures.append(Figure(f"{name}, beyond Python's own start", "s", ours, theirs, ORIGINAL, no_more_than(most)))
    return Result(figures)


def _commands(program: Program) -> dict[str, list[str]]:
    return {
        _BARE: [program.python, "-c", "pass"],
        "import jug": [program.python, "-c", "import jug"],
        "jug --version": [program.jug, "--version"],
    }


def _over(seconds: dict[str, list[float]], program: Program, name: str) -> list[float]:
    pairs = zip(seconds[f"{program.name} {name}"], seconds[f"{program.name} {_BARE}"], strict=True)
    return [run - bare for run, bare in pairs]
