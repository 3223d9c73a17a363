"""One process of growth.py: ``python steps.py KIND SHAPE N PLACE`` measures step by step and prints JSON."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jug import task
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.cli.console import ConsoleReporter
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile
from jug.engine.run.outcome import Ending
from jug.engine.run.scheduler import Scheduler
from jug.engine.views.status import State, Status
from jug.options import default_options

SHAPES = str(Path(__file__).parent / "shapes.py")


class Steps:
    """Times and peaks of memory (of the process so far), by step."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.bare = peak()
        self.steps: list[dict] = []

    @contextmanager
    def step(self, name: str, shows_memory: bool = False):
        start = self.clock()
        yield
        seconds = self.clock() - start
        self.steps.append({"name": name, "seconds": seconds, "peak": peak(), "shows_memory": shows_memory})

    def read(self, shape: str, size: int) -> Graph:
        """What every command begins with."""
        with self.step("make the tasks"):
            Jugfile(SHAPES, [shape, str(size)]).load()
        with self.step("hash"):
            for each in task.alltasks:
                each.hash()
        with self.step("graph"):
            return Graph(task.alltasks)

    def status(self, graph: Graph, store, name: str, finished: int) -> None:
        with self.step(name, shows_memory=True):
            counts = Status(graph, store).counts()
        assert counts[State.FINISHED] == finished, counts

    def run(self, graph: Graph, store, name: str, shows_memory: bool = False) -> None:
        with self.step(name, shows_memory):
            outcome = Scheduler(graph, store, reporter=ConsoleReporter(default_options)).run()
        assert outcome.ending is Ending.COMPLETE, outcome.sentence()


def in_store(steps: Steps, shape: str, size: int, store) -> int:
    """A first run, a look at it, a second run; on the way, all that status can find."""
    task.Task.store = store
    graph = steps.read(shape, size)
    steps.status(graph, store, "status, nothing finished", 0)
    steps.run(graph, store, "execute", shows_memory=True)
    steps.status(graph, store, "status, all finished", len(graph))
    steps.run(graph, store, "second run, nothing to do")
    if isinstance(store, dict_store):
        half = [graph.hash(node) for node in range(len(graph) // 2)]
        store.remove_many(half)
        steps.status(graph, store, "status, half finished", len(graph) - len(half))
    return len(graph)


def listed(steps: Steps, shape: str, size: int, store: file_store) -> int:
    """Status of a large jugdir: making one as it is made would take a quarter of an hour."""
    graph = steps.read(shape, size)
    half = [graph.hash(node) for node in range(len(graph) // 2)]
    place = Path(store.jugdir)
    store.dump(0, half[0])
    content = Path(place, half[0][:2].decode(), half[0][2:].decode()).read_bytes()
    for prefix in {name[:2].decode() for name in half}:
        Path(place, prefix).mkdir(exist_ok=True)
    for name in half:
        with open(f"{place}/{name[:2].decode()}/{name[2:].decode()}", "wb", buffering=0) as stream:
            stream.write(content)
    steps.status(graph, store, "status, half finished", len(half))
    return len(graph)


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(kind: str, shape: str, size: int, place: str) -> None:
    # Where nothing waits for a disk, other processes on the machine need not show.
    steps = Steps(time.process_time if kind == "memory" else time.perf_counter)
    if kind == "memory":
        tasks = in_store(steps, shape, size, dict_store())
    else:
        jugdir = tempfile.mkdtemp(suffix=".jugdata", dir=place)
        try:
            tasks = (listed if kind == "listed" else in_store)(steps, shape, size, file_store(jugdir))
        finally:
            shutil.rmtree(jugdir)
    print(json.dumps({"tasks": tasks, "bare": steps.bare, "steps": steps.steps}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
