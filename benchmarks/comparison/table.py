"""All rows of the table by name: a name, and what measures it."""

from __future__ import annotations

from collections.abc import Callable

from .bench import Bench
from .figures import Result
from .rows import again, arrays, first, redis, starting, waiting

ROWS: dict[str, Callable[[Bench], Result]] = {
    "first-small": lambda bench: first.one_worker(bench, bench.sizes.small),
    "first-large": lambda bench: first.one_worker(bench, bench.sizes.large),
    "floor": lambda bench: first.floor(bench, bench.sizes.large),
    "two-small": lambda bench: first.two_workers(bench, bench.sizes.small),
    "two-large": lambda bench: first.two_workers(bench, bench.sizes.large),
    "growth": first.growth,
    "second": lambda bench: again.second_run(bench, bench.sizes.large),
    "status": lambda bench: again.status(bench, bench.sizes.large),
    "half": lambda bench: again.status_of_half(bench, bench.sizes.huge),
    "last-task": lambda bench: again.last_task(bench, bench.sizes.large),
    "waiting": lambda bench: waiting.waiting(bench, bench.sizes.large),
    "array": arrays.arrays,
    "start": starting.starting,
    "inodes": lambda bench: again.inodes(bench, bench.sizes.small),
    "redis": lambda bench: redis.two_workers(bench, bench.sizes.large),
}
