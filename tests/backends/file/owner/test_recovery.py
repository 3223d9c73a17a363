"""Who was taken for dead is ended first of all; what it does when it goes on comes too late."""

import errno
import os

import pytest
from interleaving import ALL, World

from jug.backends.file.locks.workers import sweep
from jug.backends.file.owner import recovery
from jug.backends.file.owner.takeover import give_back
from jug.backends.file_store import file_store


class Stopping(World):
    """A world in which one process is taken for dead by the others, whatever it does afterwards."""

    code = "old"

    def take_for_dead(self, process):
        process.is_gone = True

    def start(self, function):
        process = super().start(function)
        process.is_gone = False
        return process

    def view(self, process):
        view = super().view(process)
        view.process = lambda pid: (
            None if any(each.pid == pid and (each.done or each.is_gone) for each in self.processes) else ("1", False)
        )
        return view


def worker(world, names, who):
    """Takes the locks of all, computes what there is no result of, with the code as it is then, and stores it."""

    def work(store):
        locks = [(name, lock) for name in names if (lock := store.getlock(name)).get()]
        for name, lock in locks:
            if not store.can_load(name):
                value = f"{who}, {world.code} code"
                store._fs.stat("/")  # it takes a while
                store.dump_locked(value, name, lock)
            lock.release()

    return work


def values(world, names):
    store = world.store()
    return [store.load(name) if store.can_load(name) else None for name in names]


def has_temporary(world):
    """Whether somebody is writing a result."""
    try:
        return any(name.startswith("r-") for name in world.fs.listdir("/jugdir/tempfiles"))
    except FileNotFoundError:
        return False


def late_at(at, names, is_removed=False):
    """A worker is stopped after so many calls, another one does all, and the first goes on; False if it had ended."""
    world = Stopping()
    late = world.start(worker(world, names, "late"))
    late.go(at)
    if late.done:
        return False
    world.take_for_dead(late)
    world.start(worker(world, names, "theirs")).go(ALL)
    before = values(world, names)
    assert None not in before
    if is_removed:
        world.store().remove_many(names)
        world.code = "new"
    world.finish()
    if is_removed:
        assert set(values(world, names)) <= {None, "late, new code"}, at  # it may do what was not begun
    else:
        assert values(world, names) == before, at
    assert not [name for name in world.fs.listdir("/jugdir/tempfiles") if name.startswith("r-")]
    return True


def until_it_has_ended(case):
    at = 1
    while case(at):
        at += 1
    assert at > 20


def test_who_is_taken_for_dead_at_any_call_changes_no_result(names):
    until_it_has_ended(lambda at: late_at(at, names[:2]))


def test_what_was_removed_since_does_not_come_back(names):
    until_it_has_ended(lambda at: late_at(at, names[:2], is_removed=True))


def test_whoever_takes_over_may_be_too_late_as_well(names):
    """At each call of the second, which is stopped in its turn; a third one does all."""

    def case(at):
        world = Stopping()
        first = world.start(worker(world, names[:1], "first"))
        while not has_temporary(world):
            first.go(1)
        world.take_for_dead(first)
        second = world.start(worker(world, names[:1], "second"))
        second.go(at)
        if second.done:
            return False
        world.take_for_dead(second)
        for _ in range(3):  # the first one who comes may only end somebody's turn
            world.start(worker(world, names[:1], "third")).go(ALL)
        before = values(world, names[:1])
        assert before != [None]
        world.finish()
        assert values(world, names[:1]) == before
        return True

    until_it_has_ended(case)


class Listing:
    """Counts how often a directory is listed."""

    def __init__(self, fs):
        self._fs = fs
        self.listed = 0

    def __getattr__(self, name):
        return getattr(self._fs, name)

    def listdir(self, path):
        self.listed += path.endswith("/tempfiles")
        return self._fs.listdir(path)


def test_one_listing_is_for_all_locks_of_a_dead_owner():
    many = [f"{number:040x}".encode() for number in range(100)]
    world = Stopping()
    dead = world.start(lambda store: [store.getlock(name).get() for name in many] and store._fs.sleep(1))
    dead.go(ALL)
    world.take_for_dead(dead)
    counted = []

    def contend(store):
        store._dir.persistent._plain = view = Listing(store._dir.persistent._plain)
        store._fs.listdir = view.listdir
        assert all(store.getlock(name).get() for name in many)
        counted.append(view.listed)

    other = world.start(contend)
    other.go(ALL)
    assert other.error is None and counted == [1]


def test_a_recovery_that_was_broken_off_is_gone_on_with(names):
    """At each of its calls: nothing is left when the next one has swept up."""

    def case(at):
        world = Stopping()
        dead = world.start(lambda store: [store.getlock(name).get() for name in names[:3]] and store._fs.sleep(1))
        dead.go(ALL)
        dead.kill()
        broken = world.start(sweeping)
        broken.go(at)
        if broken.done:
            return False
        broken.kill()
        for _ in range(2):
            world.start(lambda store: (store.remove_abandoned(), store.close())).go(ALL)
        assert world.fs.listdir("/jugdir/tempfiles") == world.fs.listdir("/jugdir/locks") == []
        return True

    def sweeping(store):
        sweep(store._dir)
        store.close()

    until_it_has_ended(case)


def test_an_owner_that_was_ended_is_no_worker(names):
    world = Stopping()
    dead = world.start(lambda store: [store.getlock(name).get() for name in names[:2]] and store._fs.sleep(1))
    dead.go(ALL)
    world.take_for_dead(dead)
    counted = []
    other = world.start(lambda store: counted.append((store.getlock(names[0]).get(), len(store.workers()))))
    other.go(ALL)
    assert counted == [(True, 1)]
    (left,) = [name for name in world.fs.listdir("/jugdir/tempfiles") if recovery.is_ended(name)]
    assert recovery.owner_of(left) and recovery.owner_of(left) in left


@pytest.mark.parametrize("name", ["w-", "w-x", "w-../../a", "s-ab-dead", "r-ab-cd", "steal-ab", "w-dead", "-dead"])
def test_what_is_not_the_name_of_an_owner_is_none(name):
    assert not recovery.is_ended(f"/jugdir/tempfiles/{name}")
    if name != "w-dead":  # of one who is called so
        assert recovery.owner_of(f"/jugdir/tempfiles/{name}") == ""


def test_whoever_may_not_end_an_owner_takes_nothing_of_it(names):
    """In a directory in which each removes his own files only."""
    world = Stopping()
    dead = world.start(lambda store: store.getlock(names[0]).get() and store._fs.sleep(1))
    dead.go(ALL)
    world.take_for_dead(dead)

    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    def contend(store):
        store._fs.rename = refuse
        assert not store.getlock(names[0]).get()
        (owner,) = [store._dir.path("tempfiles", n) for n in store._dir.names("tempfiles") if dead_name(store, n)]
        from jug.backends.file.owner.liveness import find

        assert give_back(store._dir.owner_file(), store._fs, find(store._fs, owner), store._dir.liveness) == 0

    def dead_name(store, name):
        return name.startswith("w-") and store._dir.ownership.name not in name

    other = world.start(contend)
    other.go(ALL)
    if other.error is not None:
        raise other.error
    assert world.store().listlocks()


def test_a_lock_that_names_something_else_as_its_owner_moves_no_file(tmp_path, name):
    """What stands in a file is somebody's word."""
    precious = tmp_path / "w-precious"
    precious.write_text("x")
    store = file_store(tmp_path / "jugdir")
    store.create()
    (tmp_path / "jugdir" / "locks").mkdir()
    (tmp_path / "jugdir" / "locks" / f"{name.decode()}.lock").write_text(
        '{"v": 1, "id": "../../w-precious", "host": "nowhere", "pid": 1, "lease": 1e-9}'
    )
    assert store.getlock(name).get() or store.getlock(name).get()
    assert precious.read_text() == "x" and os.listdir(tmp_path).count("w-precious") == 1
    store.close()
