#!/usr/bin/env python3
"""What jug adds to Python's own start.

    python benchmarks/startup.py --python ENVIRONMENT/bin/python

Medians over many starts, made in turn, in an environment in which jug is installed (by default, this checkout is used).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

import machine

CHECKOUT = Path(__file__).resolve().parent.parent
JUGFILE = "from jug import Task\n\n\ndef one():\n    return 1\n\n\nTask(one)\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="of the environment to be measured")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", type=Path, help="a file to write the table to")
    options = parser.parse_args()
    environment = dict(os.environ)
    if not (Path(options.python).parent / "jug").exists():
        environment["PYTHONPATH"] = str(CHECKOUT)
    with tempfile.TemporaryDirectory() as place:
        Path(place, "jugfile.py").write_text(JUGFILE, encoding="utf-8")
        times = measured(commands(options.python), environment, place, options.repeats)
    text = f"{machine.description('startup.py')}\n\n{table(times, options.repeats)}"
    print(text)
    if options.output is not None:
        options.output.write_text(text + "\n", encoding="utf-8")


def commands(python: str) -> dict[str, list[str]]:
    """What is measured, by name; the first is what the others are compared with."""
    script = Path(python).parent / "jug"
    jug = [python, str(script if script.exists() else CHECKOUT / "bin" / "jug")]
    return {
        "python -c pass": [python, "-c", "pass"],
        "python -c 'import jug'": [python, "-c", "import jug"],
        "jug --version": [*jug, "--version"],
        "jug status, 1 task": [*jug, "status"],
    }


def measured(commands: dict[str, list[str]], environment: dict[str, str], place: str, repeats: int) -> dict[str, float]:
    """The median time of each command in seconds; the first starts, which may have to compile, do not count."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, cwd=place, env=environment, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - start)
    return {name: median(each[1:]) for name, each in times.items()}


def table(times: dict[str, float], repeats: int) -> str:
    bare = next(iter(times.values()))
    rows = [f"{f'milliseconds (medians of {repeats})':32}{'all':>8}{'over python':>14}"]
    rows += [f"{name:32}{1e3 * each:8.1f}{1e3 * (each - bare):14.1f}" for name, each in times.items()]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
