#!/usr/bin/env python3
"""Compares this checkout with Jug 2.7.0, with other libraries that keep results, and with what the disk alone takes.

    python benchmarks/compare.py

Makes virtual environments (a network is needed for that), measures every row of the table with runs in turn, and writes
the table and the plot of docs/performance.rst and benchmarks/results/comparison.json. Each run is fresh processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import machine
from comparison import environments, pages
from comparison.bench import FULL, QUICK, Bench, Sizes
from comparison.figures import Result, Results
from comparison.process import CommandError, LeftOutError, Runner
from comparison.table import ROWS

HERE = Path(__file__).resolve().parent


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # not without clearing up
    results = Results()
    if options.combine or options.draw:
        results = Results.read(options.results)
    with directory(options.environments) as place:
        programs = environments.prepared(Path(place).absolute())
        if not options.draw:
            measure(programs, results, options)
            if options.is_kept and "first-large" in options.rows:
                explain(options)
        if options.is_kept:
            publish(results, programs, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)}"
    )
    parser.add_argument("--quick", action="store_true", help="little of everything, once; only shown unless --output")
    parser.add_argument("--repeats", type=int, metavar="N", help="runs of each, of which the median counts")
    parser.add_argument("--at-most", type=int, metavar="TASKS", help="not more tasks than so many in any row")
    parser.add_argument("--patience", type=float, default=7200, metavar="S", help="seconds that a command may take")
    parser.add_argument("--place", default=".", help="a directory on the disk to be measured")
    parser.add_argument("--environments", metavar="DIRECTORY", help="keep the environments there, for the next time")
    parser.add_argument("--output", type=Path, metavar="DIRECTORY", help="for all that is written, instead of docs/")
    parser.add_argument(
        "--combine", action="store_true", help="keep the rows of the last results that are not measured"
    )
    parser.add_argument("--draw", action="store_true", help="measure nothing: table and plot of the last results")
    options = parser.parse_args()
    if not os.path.isdir(options.place):
        parser.error(f"--place {options.place}: there is no such directory")
    options.results = (options.output or HERE / "results") / "comparison.json"
    options.pages = options.output or HERE.parent / "docs" / "performance"
    options.is_kept = options.draw or options.output is not None or not options.quick
    return options


def directory(path: str | None) -> nullcontext[str] | tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="jug-compare-") if path is None else nullcontext(path)


def sizes_from(options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else FULL
    if options.repeats is not None:
        sizes = replace(sizes, repeats=options.repeats)
    return sizes if options.at_most is None else sizes.at_most(options.at_most)


def measure(programs: environments.Programs, results: Results, options: argparse.Namespace) -> None:
    """Measure row by row; what is measured is on disk before the next one."""
    head = description(programs, options)
    with tempfile.TemporaryDirectory(prefix="compare-", dir=options.place) as place:
        place = os.path.abspath(place)
        runner = Runner(Path(place), environment_of(place), options.patience)
        bench = Bench(programs, sizes_from(options), runner)
        for name in options.rows:
            print(f"{name} ...", file=sys.stderr, flush=True)
            result = results.rows[name] = measured(name, bench)
            result.measured = head
            results.rows = results.sorted_like(ROWS).rows
            print(pages.plain(Results({name: result})), flush=True)
            if options.is_kept:
                options.results.parent.mkdir(parents=True, exist_ok=True)
                results.write(options.results)


def measured(name: str, bench: Bench) -> Result:
    """The row; if it cannot be measured, that is what it says."""
    try:
        return ROWS[name](bench)
    except CommandError as error:
        print(error.said, file=sys.stderr)
        return Result(left_out=str(error))
    except LeftOutError as error:
        return Result(left_out=str(error))


def environment_of(place: str) -> dict[str, str]:
    """Nothing of the person's environment, or configuration, that would change what is measured."""
    kept = {name: text for name, text in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TZ")}
    return {**kept, "HOME": place, "OMP_NUM_THREADS": "1"}


def description(programs: environments.Programs, options: argparse.Namespace) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in programs.versions().items())
    return f"{machine.description('compare.py', options.place)}\n{versions}"


def explain(options: argparse.Namespace) -> None:
    """Where the time of the first rows goes."""
    tasks = ["--tasks", "1000"] if options.quick else []
    place = ["--place", options.place, "--output", str(options.pages / "where.rst")]
    options.pages.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, str(HERE / "breakdown.py"), *tasks, *place], check=True)


def publish(results: Results, programs: environments.Programs, options: argparse.Namespace) -> None:
    """The pages here; the plot in the environment that has what draws it."""
    pages.write(results, options.pages)
    plot = [programs.ours.python, str(HERE / "comparison" / "plot.py"), str(options.results)]
    subprocess.run([*plot, str(options.pages / "comparison.svg")], check=True)


if __name__ == "__main__":
    main()
