#!/usr/bin/env python3
"""Where the time of a worker goes: a first run of tasks that do nothing, by part of the program and by system call.

    python benchmarks/breakdown.py

One worker runs under Python's profiler, in a fresh process; another runs without it, to show how far the profile can be
believed; three times, of which the fastest count. What the profiler adds to each call is measured, too, and taken off.
``--output FILE`` is reStructuredText.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import machine
from comparison.pages import list_table, number

WORKER = Path(__file__).parent / "comparison" / "profiled.py"
REPEATS = 3  # the fastest counts: nothing makes one faster than it is
MICRO = "\N{MICRO SIGN}s"
SYSTEM_CALLS = "system calls"

#: Parts, each with how the file of a function (or of a builtin, its whole name) begins or what it contains.
PARTS = {
    SYSTEM_CALLS: (
        "<built-in method posix.",
        "of '_io.FileIO'",
        "_io.open",
        "<built-in method _socket.",
        "of '_socket.",
    ),
    "waiting": ("time.sleep", "'_thread.", "<built-in method select.", "of 'select."),
    "hashing": ("jug/hash.py", "jug/hashing/", "_hashlib", "_sha"),
    "pickling, encoding, checksums": (
        "jug/backends/encode.py",
        "jug/backends/result_bytes/",
        "_pickle",
        "zlib",
        "binascii",
    ),
    "store": ("jug/backends/",),
    "engine": ("jug/engine/", "jug/hooks/", "jug/subcommands/", "jug/cli/", "jug/words/nodes.py", "task_lock.py"),
    "making tasks": ("jug/task.py", "jug/task_parts/", "shapes.py"),
    "the rest of jug": ("jug/",),
    "importing modules": ("<frozen importlib", "_imp.", "marshal.", "<built-in method builtins.exec>"),
}
REST = "Python's library and builtins"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--place", default=".", help="a directory on the disk to be measured")
    parser.add_argument("--output", type=Path, help="a file for the tables")
    options = parser.parse_args()
    runs = [[run(options.tasks, options.place, kind) for kind in ("plain", "profiled")] for _ in range(REPEATS)]
    plain, profile = (min(each, key=lambda one: one["seconds"]) for each in zip(*runs, strict=True))
    text = page(plain, profile, machine.description("breakdown.py", options.place))
    print(text)
    if options.output is not None:
        options.output.write_text(".. Made by benchmarks/breakdown.py: do not edit.\n\n" + text, encoding="utf-8")


def run(tasks: int, place: str, kind: str) -> dict:
    """One worker in a fresh process, in a jugdir that is there for it alone."""
    with tempfile.TemporaryDirectory(prefix="breakdown-", dir=place) as directory:
        report = Path(directory, "report.json")
        command = [
            sys.executable,
            str(WORKER.resolve()),
            kind,
            str(tasks),
            str(Path(directory, "jugdata")),
            str(report),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return {**json.loads(report.read_text(encoding="utf-8")), "tasks": tasks}


def page(plain: dict, profile: dict, head: str) -> str:
    """Two tables: the parts, and the system calls."""
    seconds, calls = Counter(), Counter()
    system: list[tuple[float, int, str]] = []
    for file, name, count, total in profile["functions"]:
        part = part_of(f"{file}:{name}" if file != "~" else name)
        own = max(0.0, total - count * profile["overhead"]["builtin" if file == "~" else "function"])
        seconds[part] += own
        calls[part] += count
        if part == SYSTEM_CALLS:
            system.append((own, count, name))
    each = 1e6 / profile["tasks"]
    lines = [
        "::\n\n" + "".join(f"    {line}\n" for line in head.splitlines()),
        f"A task took {number(each * plain['seconds'])} {MICRO} without the profiler. With it, less what it adds, "
        f"it took {number(each * sum(seconds.values()))} {MICRO} (start-up of the interpreter excluded); other threads "
        f"used the processor for {number(each * profile['other_threads'])} {MICRO} per task beside that.\n",
        parts_table(seconds, calls, profile["tasks"]),
        system_table(sorted(system, reverse=True)[:12], profile["tasks"]),
    ]
    return "\n".join(lines)


def part_of(function: str) -> str:
    return next((part for part, signs in PARTS.items() if any(sign in function for sign in signs)), REST)


def parts_table(seconds: Counter[str], calls: Counter[str], tasks: int) -> str:
    total = sum(seconds.values())
    rows = [
        [part, number(1e6 * time / tasks), f"{100 * time / total:.0f} %", number(calls[part] / tasks)]
        for part, time in seconds.most_common()
    ]
    return list_table([["Part", f"{MICRO} per task", "Share", "Calls per task"], *rows], [46, 18, 18, 18])


def system_table(system: list[tuple[float, int, str]], tasks: int) -> str:
    rows = [
        [f"``{short(name)}``", number(1e6 * time / tasks), number(1e6 * time / count), number(count / tasks)]
        for time, count, name in system
    ]
    head = ["System call", f"{MICRO} per task", f"{MICRO} per call", "Calls per task"]
    return list_table([head, *rows], [46, 18, 18, 18])


def short(name: str) -> str:
    """As people write it."""
    return name.removeprefix("<built-in method ").removeprefix("<method ").strip("<>").replace("posix.", "os.")


if __name__ == "__main__":
    main()
