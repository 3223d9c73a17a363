"""Workers that are killed together with their helpers: what is left goes together, each result with its inputs.

Each run of a task gives another value. So whatever was computed from a result that got lost shows.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from processes import jug, start, wait_for_file, write
from redis_server import shared_server

from jug.backends.file_store import file_store
from jug.backends.redis_store import redis_store

JUGFILE = """
    import os
    import signal
    from pathlib import Path

    from jug import TaskGenerator

    def die():
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = path.read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue  # it has ended meanwhile
            if int(parent) == os.getpid():
                os.kill(int(path.parent.name), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    runs = []

    def made(place, size, needs):
        Path("begun").touch()
        result = place, os.urandom(8), [need[:2] for need in needs], os.urandom(size)
        runs.append(place)
        if os.environ.get("DIE_AFTER") == str(len(runs)):
            die()
        return result

    @TaskGenerator
    def small(place, *needs):
        return made(place, 0, needs)

    @TaskGenerator
    def large(place, *needs):
        return made(place, 60_000, needs)

    for n in range(40):
        SHAPE
"""

#: What the task number n is, and what needs it.
SHAPES = {
    "small to large": 'large(f"second {n}", small(f"first {n}"))',
    "large to small": 'small(f"second {n}", large(f"first {n}"))',
    "by way of others": 'large(f"last {n}", small(f"third {n}", large(f"second {n}", small(f"first {n}"))))',
    "many to one": 'large(f"second {n}", *[small(f"first {n} {i}") for i in range(5)])',
}


class Place:
    """Where the results are."""

    def __init__(self, where, on_redis):
        self.where = where
        self.on_redis = on_redis
        self.jugdir = shared_server().url if on_redis else str(where / "jugdir")
        self.command = ["execute", "--jugdir", self.jugdir, "--wait-cycle-time", "0.1"]

    def check(self):
        """Each result that is there was computed from results that are there; returns how many there are."""
        store = redis_store(self.jugdir) if self.on_redis else file_store(self.jugdir)
        results = [store.load(name) for name in store.list()]
        store.close()
        values = dict(result[:2] for result in results)
        for place, _, needs, _ in results:
            for needed, value in needs:
                assert values.get(needed) == value, f"{place} was computed from another value of {needed}"
        return len(results)

    def finish(self):
        done = jug(self.where, *self.command)
        assert done.code == 0, done
        assert self.check() >= 80


@pytest.mark.parametrize("on_redis", [False, True], ids=["files", "redis"])
@pytest.mark.parametrize("shape", SHAPES)
def test_killed_by_a_task(tmp_path, shape, on_redis):
    write(tmp_path, JUGFILE.replace("SHAPE", SHAPES[shape]))
    place = Place(tmp_path, on_redis)
    for number in random.Random(shape).sample(range(5, 35), 3):
        killed = jug(tmp_path, *place.command, DIE_AFTER=str(number))
        assert killed.code == -signal.SIGKILL, killed
        place.check()
    place.finish()


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("on_redis", [False, True], ids=["files", "redis"])
@pytest.mark.parametrize("shape", SHAPES)
def test_killed_at_any_moment(tmp_path, shape, on_redis):
    write(tmp_path, JUGFILE.replace("SHAPE", SHAPES[shape]))
    dice = random.Random(shape)
    place = Place(tmp_path, on_redis)
    killed = 0
    for _ in range(10):
        (tmp_path / "begun").unlink(missing_ok=True)
        worker = start(tmp_path, *place.command)
        try:
            wait_for_file(tmp_path / "begun", alive=worker)
        except AssertionError:
            break  # all was done
        time.sleep(dice.random() * 0.05)
        killed += kill_with_helpers(worker)
        place.check()
    assert killed
    place.finish()


def kill_with_helpers(worker):
    """Kill a worker and all that it has started, at one moment; True unless it had ended."""
    worker.process.send_signal(signal.SIGSTOP)
    try:
        helpers = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    except OSError:
        helpers = []
    for helper in helpers:
        os.kill(int(helper), signal.SIGKILL)
    worker.process.kill()
    return worker.wait().code == -signal.SIGKILL
