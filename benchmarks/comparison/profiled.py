"""A worker for breakdown.py: ``python profiled.py plain|profiled TASKS JUGDIR REPORT`` writes what it took as JSON."""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
import time
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
CHECKOUT = BENCHMARKS.parent
CALIBRATION = 200_000


def main(kind: str, tasks: str, jugdir: str, report: str) -> None:
    sys.path[0] = str(CHECKOUT)
    profile = cProfile.Profile()
    if kind == "profiled":
        profile.enable()
    start = time.perf_counter(), time.process_time(), time.thread_time()
    status = worker(tasks, jugdir)
    seconds, processor, thread = (
        now - before
        for now, before in zip((time.perf_counter(), time.process_time(), time.thread_time()), start, strict=True)
    )
    profile.disable()
    assert status == 0, status
    found = {"seconds": seconds, "other_threads": max(0.0, processor - thread)}
    if kind == "profiled":
        found["overhead"] = {"function": overhead(nothing), "builtin": overhead(len, ())}
        stats = pstats.Stats(profile).stats
        found["functions"] = [[place(file), name, calls, own] for (file, _, name), (_, calls, own, *_) in stats.items()]
    Path(report).write_text(json.dumps(found), encoding="utf-8")


def worker(tasks: str, jugdir: str) -> int:
    """``jug execute`` in this process."""
    from jug.jug import main as jug

    try:
        status = jug(["jug", "execute", "--jugdir", jugdir, str(BENCHMARKS / "shapes.py"), "--", "independent", tasks])
    except SystemExit as end:
        status = end.code
    return int(status or 0)


def place(file: str) -> str:
    """The file of a function, from the top of the checkout on; of another one, its last name."""
    path = Path(file)
    own = path.is_relative_to(CHECKOUT / "jug") or path.is_relative_to(BENCHMARKS)
    return str(path.relative_to(CHECKOUT)) if own else path.name


def nothing() -> None:
    pass


def overhead(function, *arguments) -> float:
    """What the profiler adds to one call."""
    plain = calls(function, arguments)
    profile = cProfile.Profile()
    profile.enable()
    profiled = calls(function, arguments)
    profile.disable()
    return max(0.0, profiled - plain) / CALIBRATION


def calls(function, arguments) -> float:
    start = time.perf_counter()
    for _ in range(CALIBRATION):
        function(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
