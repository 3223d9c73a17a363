#!/usr/bin/env python3
"""What jug itself costs per task, from ten thousand tasks to a million, and whether that grows.

    python benchmarks/growth.py

Every shape and size is measured in a fresh process, step by step, with the same calls as the commands make. Prints
tables; ``--output FILE`` writes them to a file too. A million tasks need about 2 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import machine

HERE = Path(__file__).parent
SHAPES = ("independent", "chain", "fan-in", "fan-out", "tree", "lattice")
#: What can be measured: which sizes it takes by default, and what is said above its tables.
KINDS = {
    "memory": "execute, with the store in memory (dict_store); processor time",
    "listed": "status of a jugdir on disk, half of whose results are there (put there without syncing them)",
    "disk": "execute, with the store on disk (file_store), every result synced",
}
_REPEATS_UP_TO = ((10_000, 7), (100_000, 4))


def main() -> None:
    options = parse()
    report = Report(options.output)
    report.say(machine.description("growth.py", options.place))
    jobs = [("memory", shape, options.sizes) for shape in options.shapes]
    jobs += [("listed", shape, options.sizes) for shape in options.shapes[:1]]
    jobs += [("disk", shape, options.disk_sizes) for shape in options.shapes[:1] if options.disk_sizes]
    for kind, shape, sizes in jobs:
        report.say(f"\n{shape}: {KINDS[kind]}")
        report.say(table([measured(kind, shape, size, options) for size in sizes]))
    report.close()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"type": int, "nargs": "*", "metavar": "N"}
    parser.add_argument("--sizes", default=[10_000, 100_000, 1_000_000], **sizes)
    parser.add_argument("--disk-sizes", default=[10_000], help="a synced result takes 1 to 10 ms", **sizes)
    parser.add_argument("--shapes", default=list(SHAPES), nargs="+", choices=SHAPES, metavar="SHAPE")
    parser.add_argument("--place", default=".", help="a directory on the disk to be measured")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--output", type=Path, help="a file to write the tables to")
    return parser.parse_args()


def measured(kind: str, shape: str, size: int, options: argparse.Namespace) -> dict:
    """The best of some processes, since nothing makes one faster than it is; fewer where one takes long."""
    repeats = next((repeats for limit, repeats in _REPEATS_UP_TO if size <= limit and kind == "memory"), 1)
    command = [options.python, str(HERE / "steps.py"), kind, shape, str(size), options.place]
    runs = []
    for _ in range(repeats):
        runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    merged = runs[0]
    for position, step in enumerate(merged["steps"]):
        step["seconds"] = min(run["steps"][position]["seconds"] for run in runs)
        step["peak"] = min(run["steps"][position]["peak"] for run in runs)
    return merged


def table(runs: list[dict]) -> str:
    """Time per task and memory, a column per size."""
    columns = "".join(f"{run['tasks']:>15,}" for run in runs)
    rows = [f"  {'microseconds per task':34}{columns}{'growth':>9}"]
    for position, step in enumerate(runs[0]["steps"]):
        each = [1e6 * run["steps"][position]["seconds"] / run["tasks"] for run in runs]
        growth = f"{each[-1] / each[0]:9.2f}" if len(each) > 1 else ""
        rows.append(f"  {step['name']:34}" + "".join(f"{time:15.2f}" for time in each) + growth)
    rows.append(f"  {'peak memory, MB (bytes per task)':34}")
    for position in (p for p, step in enumerate(runs[0]["steps"]) if step["shows_memory"]):
        cells = [memory(run, run["steps"][position]["peak"]) for run in runs]
        rows.append(f"  {'up to: ' + runs[0]['steps'][position]['name']:34}" + "".join(cells))
    return "\n".join(rows)


def memory(run: dict, peak: int) -> str:
    cell = f"{peak / 1e6:,.0f} ({(peak - run['bare']) / run['tasks']:,.0f})"
    return f"{cell:>15}"


class Report:
    """Says everything on standard output, and keeps it for a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: list[str] = []

    def say(self, text: str) -> None:
        print(text, flush=True)
        self._lines.append(text)

    def close(self) -> None:
        if self._path is not None:
            self._path.write_text("\n".join(self._lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
