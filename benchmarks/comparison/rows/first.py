"""First runs: many tasks that do nothing, so that what is measured is what is added to each."""

from __future__ import annotations

from collections.abc import Callable

from ..bench import Bench
from ..figures import ORIGINAL, OURS, Figure, Result, Series, at_least, at_most, no_more_than

_PEERS = {
    "joblib.Memory": "joblib_memory.py",
    "diskcache memoize": "diskcache_memoize.py",
}
_FLOOR = "bare loop"
_MANY = 100_000

_RUNS_OF_FEW = 5


def one_worker(bench: Bench, tasks: int) -> Result:
    """One worker, beside the original and other libraries that keep results."""
    original, ours = bench.both
    measures: dict[str, Callable[[], float]] = {
        ORIGINAL: lambda: bench.first_run(original, tasks),
        OURS: lambda: bench.first_run(ours, tasks),
    }
    for name, script in _PEERS.items():
        measures[name] = _script(bench, script, tasks)
    measures["doit"] = _doit(bench, tasks)
    # What others take is not to be known that well: among many tasks, one run is enough.
    seconds = bench.alternate(measures, once=() if tasks < _MANY else (*_PEERS, "doit"))
    what = f"first run of {tasks:,} tasks, 1 worker"
    goals = {ORIGINAL: at_least(8), **dict.fromkeys((*_PEERS, "doit"), at_least(1))}
    figures = [Figure(what, "s", seconds[OURS], seconds[name], name, goal) for name, goal in goals.items()]
    each = [1e6 * run / tasks for run in seconds[OURS]]
    figures.append(Figure(f"{what}, of which each takes", "us", each, [], "", no_more_than(90)))
    return Result(figures, [Series(name, tasks, runs) for name, runs in seconds.items()])


def two_workers(bench: Bench, tasks: int) -> Result:
    """Two workers that start at the same time: beside two of the original, one of our own, and two that share nothing.

    The last says what the machine allows: no worker waits for another there.
    """
    original, ours = bench.both
    one, apart = f"{OURS}, 1 worker", "two workers with half of the tasks each, in directories of their own"
    seconds = bench.alternate(
        {
            ORIGINAL: lambda: bench.first_run(original, tasks, workers=2),
            OURS: lambda: bench.first_run(ours, tasks, workers=2),
            one: lambda: bench.first_run(ours, tasks),
            apart: lambda: bench.runs_apart(ours, tasks),
        }
    )
    what = f"first run of {tasks:,} tasks, 2 workers"
    return Result(
        [
            Figure(what, "s", seconds[OURS], seconds[ORIGINAL], f"{ORIGINAL}, 2 workers", at_least(12)),
            Figure(what, "s", seconds[OURS], seconds[one], one, at_least(1.6)),
            Figure(what, "s", seconds[OURS], seconds[apart], apart, at_most(1.1), is_inverse=True),
        ]
    )


def growth(bench: Bench) -> Result:
    """Whether a task takes longer among many. The start, which a run of one task takes, is taken off."""
    ours = bench.programs.ours
    sizes = bench.sizes.growing
    measures = {str(tasks): (lambda tasks=tasks: bench.first_run(ours, tasks)) for tasks in (1, *sizes[:-1])}
    # A few runs of few tasks say little: they take hardly longer than the start, which is taken off.
    seconds = bench.alternate(measures, repeats=max(bench.sizes.repeats, _RUNS_OF_FEW))
    seconds.update(bench.alternate({str(sizes[-1]): lambda: bench.first_run(ours, sizes[-1])}, repeats=1))
    start = min(seconds["1"])
    smallest, largest = ([1e6 * (run - start) / size for run in seconds[str(size)]] for size in (sizes[0], sizes[-1]))
    what = f"first run, 1 worker: a task of {sizes[-1]:,}"
    against = f"a task of {sizes[0]:,}"
    # The largest was measured once: it is compared with each run of the smallest.
    times = [Figure(what, "us", largest * len(smallest), smallest, against, at_most(1.5), is_inverse=True)]
    return Result(times, [Series(OURS, size, seconds[str(size)]) for size in sizes])


def floor(bench: Bench, tasks: int) -> Result:
    """How far it is to what the disk and the system alone would take."""
    ours = bench.programs.ours
    seconds = bench.alternate(
        {_FLOOR: _script(bench, "floor.py", tasks), OURS: lambda: bench.first_run(ours, tasks)},
    )
    what = f"first run of {tasks:,} tasks, 1 worker"
    against = "a bare loop of link, append, unlink and sync"
    figure = Figure(what, "s", seconds[OURS], seconds[_FLOOR], against, at_most(4), is_inverse=True)
    return Result([figure], [Series(_FLOOR, tasks, seconds[_FLOOR])])


def _script(bench: Bench, script: str, tasks: int) -> Callable[[], float]:
    def measure() -> float:
        directory = bench.fresh()
        return bench.other_run([bench.programs.ours.python, script, str(directory), str(tasks)], directory)

    return measure


def _doit(bench: Bench, tasks: int) -> Callable[[], float]:
    def measure() -> float:
        directory = bench.fresh()
        command = [bench.programs.ours.python, "-m", "doit", "-f", "dodo.py", f"directory={directory}", f"n={tasks}"]
        return bench.other_run(command, directory)

    return measure
