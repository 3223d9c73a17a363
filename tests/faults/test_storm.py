"""A storm of SIGKILLs: in the end all is done, each task by one at a time, and nothing is left."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from crashing import PLACES
from processes import jug, python, write
from storm import TASKS, Storm

from jug.backends.file_store import file_store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

CALM = 400  # seconds after the storm in which everything has to be done
CRASHING = Path(__file__).with_name("crashing.py")


def check_that_nothing_is_left(jugdir):
    end = time.monotonic() + 60  # watchdogs of the last ones that were killed
    while any(os.listdir(jugdir / name) for name in ("locks", "tempfiles")) and time.monotonic() < end:
        time.sleep(0.2)
    assert os.listdir(jugdir / "locks") == []
    assert os.listdir(jugdir / "tempfiles") == []


@pytest.mark.parametrize("seed", [1])
def test_a_storm(tmp_path, monkeypatch, seed):
    monkeypatch.setattr("processes.SECONDS", CALM)
    storm = Storm(tmp_path, seed)
    try:
        storm.rage()
        storm.calm()
        assert [worker for worker in storm.ended if worker.code != 0] == []
        assert jug(tmp_path, "check").code == 0
        storm.check_runs()
        assert len(list(file_store(tmp_path / "jugfile.jugdata").list())) == TASKS + 1
        check_that_nothing_is_left(tmp_path / "jugfile.jugdata")
    finally:
        storm.close()


SMALL = """
    import os
    from jug import TaskGenerator

    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @TaskGenerator
    def short(x):
        os.write(log, f"{x}\\n".encode())
        return x

    @TaskGenerator
    def total(xs):
        return sum(xs)

    result = total([short(x) for x in range(60)])
"""


COMMANDS = {
    "while it packs": ["pack"],
    "when the pack is made": ["pack"],
    "while it cleans up": ["cleanup", "--locks-only"],
    "between publish and release": ["execute", "--wait-cycle-time", "0.3", "--no-groups"],
}


def crash(where, place, times, *arguments, **env):
    """A worker that is killed there; True if it was."""
    return python(where, CRASHING, place, times, *arguments, **env).code == -signal.SIGKILL


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_a_certain_place(tmp_path, place):
    """After others, who were killed with their watchdogs or without; until one comes to its end."""
    write(tmp_path, SMALL)
    dice = random.Random(place)
    needs_remains = any(word in place for word in ("takeover", "turn", "cleans"))
    command = COMMANDS.get(place, ["execute", "--wait-cycle-time", "0.3"])
    rounds = killed = 0
    while rounds < 8 or not killed:
        rounds += 1
        with_watchdog = "yes" if needs_remains or dice.random() < 0.5 else ""
        crash(tmp_path, "after claim", dice.randint(2, 6), "execute", WITH_WATCHDOG=with_watchdog)
        killed += crash(tmp_path, place, 1 if needs_remains else dice.randint(1, 4), *command)
        assert rounds < 40, "nobody ever came there"
    done = jug(tmp_path, "execute", "--wait-cycle-time", "0.3")
    assert done.code == 0, done
    assert jug(tmp_path, "check").code == 0
    for command in (["pack"], ["cleanup"]):
        assert jug(tmp_path, *command).code == 0
    check_that_nothing_is_left(tmp_path / "jugfile.jugdata")
    assert jug(tmp_path, "check").code == 0
    store = file_store(tmp_path / "jugfile.jugdata")
    assert sorted(store.load(name) for name in store.list()) == sorted([*range(60), sum(range(60))])
