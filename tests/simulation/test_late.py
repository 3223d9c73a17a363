"""A worker is stopped between any two calls, for longer than its lease; whoever goes on too late changes nothing."""

from functools import cache

import pytest
from late_world import FOR_LONG, LateWorld
from test_simulation import NUMBER

from jug.backends.file.owner import recovery, takeover
from jug.backends.file.publication import Publication


@cache
def calls_of_a_worker(number, groups):
    world = world_of(0, number, groups)
    worker = world.worker()
    world.finish(worker)
    world.kill_all()
    return worker.calls


def world_of(seed, number=5, groups=True):
    world = LateWorld(seed, "late")
    world.number, world.groups = number, groups
    return world


def stopped_at(seed, at, groups, what):
    """One is stopped before its call number `at`, another one does all, `what` happens, and the first one goes on."""
    world = world_of(seed, groups=groups)
    try:
        late = world.worker()
        if not world.advance(late, at):
            return
        world.stop(late)
        world.finish(world.worker())
        world.nothing_more_of(late)
        for step in what:
            if step == "work":
                world.finish(world.worker())
            else:
                getattr(world, step)()
        # If it is the first to run tasks again after an invalidation, it may use inputs that it had loaded before.
        world.is_whole = what != ("invalidate",)
        world.wake(late)
        world.finish(late)
        world.finish(world.worker())
        world.check()
        world.check_nothing_is_left()
    finally:
        world.kill_all()


WHAT = [(), ("pack",), ("invalidate",), ("invalidate", "work"), ("pack", "invalidate", "work", "pack")]


def at_each(calls, case):
    for at in calls:
        try:
            case(at)
        except Exception as error:
            raise AssertionError(f"stopped before call {at}: {type(error).__name__}: {error}") from error


@pytest.mark.slow
@pytest.mark.parametrize("what", WHAT, ids=lambda what: " ".join(what) or "nothing")
@pytest.mark.parametrize("groups", [True, False], ids=["in groups", "in files"])
def test_a_worker_stopped_at_any_call_is_too_late(groups, what):
    at_each(range(1, calls_of_a_worker(5, groups)), lambda at: stopped_at(1, at, groups, what))


@pytest.mark.parametrize("number", range(len(WHAT)))
@pytest.mark.parametrize("groups", [True, False], ids=["in groups", "in files"])
def test_a_worker_stopped_at_some_calls_is_too_late(groups, number):
    at_each(range(3 + number, calls_of_a_worker(5, groups), 5), lambda at: stopped_at(1, at, groups, WHAT[number]))


def two_are_stopped(seed):
    """Each at some call, the second perhaps while it takes over from the first; a third one does all."""
    world = world_of(seed, 3, groups=seed % 3 > 0)
    chance = world.chance
    try:
        first = world.worker()
        if not world.advance(first, chance.randint(20, calls_of_a_worker(3, world.groups))):
            return
        world.stop(first)
        second = world.worker()
        world.disk.clock_ns += int(FOR_LONG * 1e9)
        if not world.advance(second, chance.randint(1, 150)):
            return
        world.stop(second)
        world.finish(world.worker())
        world.nothing_more_of(first, second)
        if chance.random() < 0.5:
            world.invalidate()
            world.finish(world.worker())
        late = [first, second]
        chance.shuffle(late)
        for process in late if chance.random() < 0.7 else ():
            world.wake(process)
            world.finish(process)
        world.wake(*late)
        world.finish(*late)
        world.check()
        world.check_nothing_is_left()
    finally:
        world.kill_all()


@pytest.mark.slow
def test_whoever_takes_over_may_be_stopped_in_its_turn():
    at_each(range(NUMBER // 10), two_are_stopped)


def test_whoever_takes_over_may_be_stopped_in_some_turns():
    at_each(range(60), two_are_stopped)


# What would be noticed if it were otherwise


def fails(case, numbers):
    for number in numbers:
        try:
            case(number)
        except Exception:  # noqa: BLE001  (any is good enough)
            return True
    return False


@pytest.mark.parametrize("groups", [True, False], ids=["in groups", "in files"])
def test_temporary_files_that_are_left_would_be_noticed(monkeypatch, groups):
    monkeypatch.setattr(recovery, "_names", lambda me, fs: [])
    assert fails(lambda at: stopped_at(1, at, groups, ("invalidate",)), range(1, 200))


@pytest.mark.parametrize("groups", [True, False], ids=["in groups", "in files"])
def test_a_check_before_the_write_would_be_noticed(monkeypatch, groups):
    monkeypatch.setattr(Publication, "_is_still", lambda self, owner: True)
    assert fails(lambda at: stopped_at(1, at, groups, ("invalidate",)), range(1, 200))


def test_an_owner_that_is_not_ended_would_be_noticed(monkeypatch):
    """Its locks alone are not enough: another one of them may still be its own while it writes anew."""
    monkeypatch.setattr(takeover, "end_of", lambda *arguments: True)
    monkeypatch.setattr(takeover, "end", lambda *arguments: True)
    assert fails(lambda at: stopped_at(1, at, True, ("invalidate",)), range(1, 200))
