"""Thousands of schedules of a few workers, each from its seed, with all that networks, disks and people do to them.

``JUG_SIMULATIONS=100000`` runs so many of each kind; ``JUG_SEED=42`` runs that one alone, and tells what happened.
"""

import os
import subprocess
import sys

import pytest
import small_world
from disk import Disk
from schedule import SimulatedMirror
from small_world import SmallWorld

from jug.backends.file.directory import JugDir
from jug.backends.file.locks.lock import file_based_lock
from jug.backends.file.owner.session import Session
from jug.backends.file.prefetch import lock_prefetch
from jug.backends.file.prefetch.lock_prefetch import LockPrefetch
from jug.backends.file.segments.segments import Segments
from jug.backends.file.segments.write_behind import WriteBehind
from jug.backends.file_store import file_store
from jug.backends.system import atomic, retry

SEED = os.environ.get("JUG_SEED")
NUMBER = int(os.environ.get("JUG_SIMULATIONS", "1000"))
PARTS = 1 if SEED else 4  # which can be run at the same time
LAST_CALLS = 400


def races(world):
    """Nothing goes wrong but time: workers are held up at any call."""
    world.start_workers(world.chance.choice((2, 3)), version=world.chance.choice((0, 4)))
    assert world.run(), "somebody is stuck"
    world.check()
    world.check_nothing_is_left()


def passing_trouble(world):
    """Calls fail that would succeed if they were made again, or have succeeded but do not say so."""
    world.faults = world.chance.choice((1, 2, 3))
    world.start_workers(world.chance.choice((1, 2)), version=world.chance.choice((0, 4)))
    assert world.run(), "somebody is stuck"
    world.check()
    world.check_nothing_is_left()


def no_room(world):
    """The disk is full for a while."""
    begin = world.chance.random() * 0.2
    world.full = (begin, begin + world.chance.choice((0.01, 1, 100)))
    world.start_workers(world.chance.choice((1, 2)), version=world.chance.choice((0, 4)))
    assert world.run(), "somebody is stuck"
    world.check()
    world.check_nothing_is_left()


def killed(world):
    """Workers are killed at any call, some with their watchdogs, while others work; nobody has to clean up."""
    version = world.chance.choice((0, 4))
    number = world.chance.choice((2, 3))
    world.start_workers(number, version)
    for victim in list(world.processes)[: world.chance.randint(1, number)]:
        world.run(1 + int(world.chance.expovariate(1 / 40)))
        world.kill(victim)
        if victim.watchdog is not None and world.chance.random() < 0.5:
            world.run(1 + int(world.chance.expovariate(1 / 10)))
            world.kill(victim.watchdog)
    begin_again(world, version)


def frozen(world):
    """A worker is held up at any call for longer than its lease, and then goes on as if nothing had happened."""
    version = world.chance.choice((0, 4))
    world.start_workers(world.chance.choice((2, 3)), version)
    world.run(1 + int(world.chance.expovariate(1 / 60)))
    world.frozen = world.chance.choice([process for process in world.processes if not process.guards])
    world.freeze(world.frozen, world.chance.choice((100, 400, 1000)))
    assert world.run(), "somebody is stuck"
    world.check(once=False)
    world.check_nothing_is_left()


def power_cut(world):
    """The machine with the disk and the workers loses power; what was reported is there afterwards."""
    world.start_workers(world.chance.choice((1, 2, 3)))
    world.run(1 + int(world.chance.expovariate(1 / 60)))
    world.kill_all()
    world.disk.power_cut(world.chance)
    world.boots += 1
    begin_again(world)


def begin_again(world, version=0):
    world.check_results(world.acknowledged)
    reported = set(world.acknowledged)
    before = dict(world.ran)
    world.start_workers(2, version)
    assert world.run(), "somebody is stuck"
    world.check(once=False)
    world.check_nothing_is_left()
    assert [x for x in reported if world.ran[x] > before[x]] == [], "a result that was reported was computed again"


TROUBLES = [races, passing_trouble, no_room, killed, frozen, power_cut]


def many_tasks(world):
    """All of that, while most tasks can be run at any time, so that workers take the locks of several ahead."""
    world.number = small_world.MOST
    world.chance.choice(TROUBLES)(world)


KINDS = [*TROUBLES, many_tasks]


def run(kind, seed, trace=None):
    world = SmallWorld(seed, kind.__name__, trace)
    try:
        kind(world)
    finally:
        world.kill_all()


def tell(kind, seed):
    """What happens, call by call."""
    trace = []
    try:
        run(kind, seed, trace)
    except Exception as error:  # noqa: BLE001  (it has been raised before)
        trace.append(f"{type(error).__name__}: {error}")
    return trace


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_whatever_happens(kind, part):
    for seed in [int(SEED)] if SEED else range(part, NUMBER, PARTS):
        try:
            run(kind, seed)
        except Exception as error:
            print("\n".join(tell(kind, seed)[-LAST_CALLS:]))
            raise AssertionError(f"JUG_SEED={seed} in {kind.__name__}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_some_of_it(kind):
    for seed in range(20):
        run(kind, seed)


# Without what a failure of a store would be noticed by, all of the above would be worth nothing.


def fails(kind):
    """Whether something is wrong, with one of many seeds."""
    for seed in range(4000):
        try:
            run(kind, seed)
        except Exception:  # noqa: BLE001  (any is good enough)
            return True
    return False


def test_results_that_are_not_synced_are_noticed(monkeypatch):
    monkeypatch.setattr(Disk, "fsync", lambda self, fd: None)
    assert fails(power_cut)


def test_directories_that_are_not_synced_are_noticed(monkeypatch):
    monkeypatch.setattr(atomic, "sync_directory", lambda fs, path: None)
    assert fails(power_cut)


def test_a_lost_reply_that_is_believed_is_noticed(monkeypatch):
    monkeypatch.setattr(file_based_lock, "_is_mine", lambda self, found, mine=None: False)
    assert fails(passing_trouble)


def test_trouble_that_is_not_waited_for_is_noticed(monkeypatch):
    monkeypatch.setattr(retry, "PASSING", frozenset())
    monkeypatch.setattr(retry, "FULL", frozenset())
    assert fails(passing_trouble)
    assert fails(no_room)


def test_an_answer_from_a_cache_is_noticed(monkeypatch):
    """And the lock, which stays for longer than anything is remembered, does not cover it."""
    monkeypatch.setattr(JugDir, "revalidate", lambda self, directory="": False)
    monkeypatch.setattr(Session, "defer", lambda self, name, hold: False)
    assert fails(races)


def test_a_lock_without_a_look_is_noticed(monkeypatch):
    monkeypatch.setattr(file_store, "can_load", lambda self, name: False)
    assert fails(races)


def test_a_time_stamp_that_is_believed_too_soon_is_noticed(monkeypatch):
    """Two files of results come within one step of the file server's clock, and only the first is seen."""
    monkeypatch.setattr(Segments, "_is_past", lambda self, stamp: True)
    assert fails(races)


def test_locks_that_are_released_before_their_results_are_stored_are_noticed(monkeypatch):
    store = WriteBehind._store

    def store_late(self, results):
        for _, _, lock in results.values():
            lock.release()
        monkeypatch.setattr(file_based_lock, "is_ours", lambda self, listed=0: True)
        store(self, results)

    monkeypatch.setattr(WriteBehind, "_store", store_late)
    assert fails(races)


def test_results_that_are_told_before_they_are_stored_are_noticed(monkeypatch):
    def add_and_tell(self, name, content, lock):
        add(self, name, content, lock)
        small_world.now.acknowledged.add(small_world.NAMES.index(name))

    add = WriteBehind._add
    monkeypatch.setattr(WriteBehind, "_add", add_and_tell)
    assert fails(power_cut)


def test_a_seed_decides_everything():
    """In another process, too, where sets have another order."""
    code = "from test_simulation import *; print([tell(kind, seed) for kind in KINDS for seed in range(5)])"
    told = set()
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        told.add(done.stdout)
    assert len(told) == 1
    assert "open_excl" in told.pop()


def test_locks_ahead_without_a_look_are_noticed(monkeypatch):
    monkeypatch.setattr(LockPrefetch, "_look", lambda self, names: set(names))
    assert fails(many_tasks)


def test_a_lock_ahead_that_is_given_back_although_it_is_used_is_noticed(monkeypatch):
    monkeypatch.setattr(SimulatedMirror, "begins", lambda self, number: None)
    assert fails(many_tasks)


def test_a_lock_ahead_that_is_used_although_it_may_have_been_given_back_is_noticed(monkeypatch):
    monkeypatch.setattr(lock_prefetch, "USABLE", float("inf"))
    assert fails(many_tasks)
