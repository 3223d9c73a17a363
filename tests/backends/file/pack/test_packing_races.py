"""Packing while others invalidate, store, clean up and pack: nothing is lost, nothing comes back.

The packer is stopped before any of its calls of the file system, the other then before any of its own, and both go on
from there, or the packer is killed there. By default some of these schedules are run; all of them with ``-m faults``.
"""

import pytest
from interleaving import ALL, World

X, Y, Z = (bytes([digit]) * 40 for digit in b"abc")
GONE = object()


def packer(store):
    store.pack()


def remover(store):
    assert store.remove(X)


def remover_and_worker(store):
    store.remove(X)
    store.dump("new", X)


def worker(store):
    store.dump("new", X)


def another_worker(store):
    store.dump("z", Z)


def cleaner(store):
    store.cleanup([Y])


def old_remover(store):
    """As releases did it that know of no packers."""
    store._unlink(store._dir.result(X))
    if X in store._packs.names():
        store._packs.remove([X])


def reader(store):
    for _ in range(2):
        assert store.can_load(X)
        assert store.load(X) == "old"
        assert sorted(store.list()) == [X, Y]


def world(packed=()):
    """X and Y are there, perhaps already in a pack, X perhaps both in it and as a file."""
    world = World()
    store = world.store()
    for name in packed:
        store.dump("packed", name)
    store.pack()
    store.dump("old", X)
    if Y not in packed:
        store.dump("y", Y)
    return world


def alone(function, **conditions):
    """How many calls it makes when nobody interferes."""
    there = world(**conditions)
    process = there.start(function)
    there.finish()
    return process.calls


# What the other does, and what X is in the end.
OTHERS = {
    "invalidate": (remover, GONE),
    "invalidate and compute again": (remover_and_worker, "new"),
    "compute again": (worker, "new"),
    "compute something else": (another_worker, "old"),
    "clean up": (cleaner, GONE),
    "pack": (packer, "old"),
    "read": (reader, "old"),
}


def check(there, x, other=None):
    """What everybody must see now, and still after the pack was made once more."""
    for again in (False, True):
        store = there.store()
        if again:
            store.pack()
        assert store.load(Y) in ("y", "packed")
        if x is GONE:
            assert not store.can_load(X)
        else:
            assert store.load(X) == x
        if other is another_worker:
            assert store.load(Z) == "z"
        names = {Y, *([X] if x is not GONE else []), *([Z] if other is another_worker else [])}
        assert sorted(store.list()) == sorted(names)
    left = there.fs.listdir("/jugdir/tempfiles")
    assert [name for name in left if not name.startswith(("r-", "w-"))] == []
    assert there.fs.listdir("/jugdir/locks") == []


@pytest.fixture(params=[11, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.faults])], ids=["some", "all"])
def schedules(request):
    """All pairs of calls before which packer and other stop, or one in so many of them."""

    def pairs(other, **conditions):
        rows, columns = alone(packer, **conditions) + 1, alone(other, **conditions) + 1
        every = [(at, then) for at in range(rows) for then in range(columns)]
        return every[:: request.param]

    return pairs


@pytest.mark.parametrize("packed", [(), (X,), (Y,)], ids=["no pack", "in the pack, too", "another pack"])
@pytest.mark.parametrize("what", OTHERS)
def test_packing_while_another_process_does_something(schedules, what, packed):
    other, x = OTHERS[what]
    if other is reader and packed == (Y,):
        packed = (Y, X)
    for at, then in schedules(other, packed=packed):
        there = world(packed)
        first, second = there.start(packer), there.start(other)
        first.go(at)
        second.go(then)
        there.finish()
        check(there, x, other)


@pytest.mark.parametrize("packed", [(), (X,)], ids=["no pack", "in the pack, too"])
@pytest.mark.parametrize("what", OTHERS)
def test_a_packer_killed_before_any_of_its_calls_while_another_process_does_something(schedules, what, packed):
    other, x = OTHERS[what]
    for at, then in schedules(other, packed=packed):
        there = world(packed)
        first, second = there.start(packer), there.start(other)
        first.go(at)
        second.go(then)
        first.kill()
        there.finish()
        check_after_a_kill(there, x, other)


def check_after_a_kill(there, x, other):
    """The next who changes the pack puts things in order."""
    store = there.store()
    if x is GONE:
        assert not store.can_load(X)
    else:
        assert store.load(X) == x
    there.start(packer)
    there.finish()
    check(there, x, other)


@pytest.mark.parametrize("killed", [False, True])
def test_a_result_that_is_computed_again_while_its_invalidation_waits(schedules, killed):
    """The worker is quicker than who invalidates: what it stores is the old result under no circumstances."""
    for at, then in schedules(remover):
        there = world()
        first, second = there.start(packer), there.start(remover)
        first.go(at)
        second.go(then)
        is_loose = X in there.store()._dir.results("aa")
        if not is_loose and not second.done:
            there.start(worker).go(ALL)
        if killed:
            first.kill()
        there.finish()
        store = there.store()
        assert not store.can_load(X) or store.load(X) == "new"
        there.start(packer)
        there.finish()
        assert not there.store().can_load(X) or there.store().load(X) == "new"
        assert there.store().load(Y) == "y"


def test_a_process_of_an_old_release_that_invalidates(schedules):
    for at, then in schedules(old_remover):
        there = world()
        first, second = there.start(packer), there.start(old_remover)
        first.go(at)
        second.go(then)
        there.finish()
        check(there, GONE)


@pytest.mark.parametrize("number", [2, 3])
def test_of_many_one_takes_over_the_lock_of_a_packer_that_was_killed(number):
    for at in range(alone(packer)):
        there = world()
        first = there.start(packer)
        first.go(at)
        first.kill()
        others = [there.start(packer) for _ in range(number)]
        for turn in range(100):
            others[turn % number].go(3)
        there.finish()
        check(there, "old")


def test_a_packer_killed_some_time_after_the_other_has_come(schedules):
    for at, more in schedules(packer):
        there = world()
        first, second = there.start(packer), there.start(remover)
        first.go(at)
        second.go(ALL)
        first.go(more)
        first.kill()
        there.finish()
        check_after_a_kill(there, GONE, remover)


@pytest.mark.parametrize("killed", [False, True])
def test_invalidating_what_was_replaced_while_it_was_packed(schedules, killed):
    for at, more in schedules(packer):
        there = world()
        first = there.start(packer)
        first.go(at)
        there.start(worker).go(ALL)
        first.go(more)
        second = there.start(lambda store: store.remove(X))
        second.go(ALL)
        if killed:
            first.kill()
        there.finish()
        check_after_a_kill(there, GONE, remover)
