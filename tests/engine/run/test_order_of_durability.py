"""The order of durability: no result is there before those that it was computed from, and none goes with another."""

import itertools
import os

import pytest
import simulated
from redis_server import shared_server
from simulated import FakeWorld

import jug.task
from jug import CachedFunction, Task, TaskGenerator, value
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.backends.redis_store import redis_store
from jug.engine.run.pending_results import SHORT
from jug.errors import NoRoomError, StoreError

LARGE = 60_000
numbers = itertools.count()
actions = {}  # what functions do before they return, by the name of the task
checks = []  # what is called whenever a result has been committed or a task is begun


class Waiting(dict_store):
    """A store of a third party that has small results wait, and stores large ones at once."""

    def __init__(self, shared=None):
        super().__init__()
        self.waits = {}
        self.overtaken = set()
        if shared is not None:
            self.store = shared.store

    def dump(self, object, name):
        self.settle()
        super().dump(object, name)

    def dump_locked(self, object, name, lock):
        super().dump(object, name)
        return True

    def dump_soon(self, object, name, lock):
        if len(object[3]) > 1000:
            return self.dump_locked(object, name, lock)
        self.waits[name] = object, lock
        return None

    def load(self, name):
        return self.waits[name][0] if name in self.waits else super().load(name)

    def can_load(self, name):
        return name in self.waits or super().can_load(name)

    def settle(self):
        waits, self.waits = self.waits, {}
        for name, (object, lock) in waits.items():
            if self.can_load(name):
                self.overtaken.add(name)
            else:
                super().dump(object, name)
            lock.release()

    def flush(self):
        self.settle()
        overtaken, self.overtaken = self.overtaken, set()
        return overtaken


def files(where):
    return lambda: file_store(where)


def on_redis(where):
    url = shared_server().url
    return lambda: redis_store(url)


def of_a_third_party(where):
    shared = Waiting()
    return lambda: Waiting(shared)


@pytest.fixture(params=[files, on_redis, of_a_third_party], ids=["files", "redis", "third-party"])
def stores(request, tmp_path):
    """The store of the worker, and that of another one."""
    actions.clear()
    checks.clear()
    open_store = request.param(tmp_path)
    mine, other = open_store(), open_store()
    jug.task.Task.store = mine
    yield mine, other
    mine.close()
    other.close()


def made(name, size, needs):
    """A result that no other run has: who made it, a number, the numbers of what it was made from, and padding."""
    for check in checks:
        check()
    result = [name, next(numbers), [need[1] for need in needs], os.urandom(size).hex()]
    actions.get(name, lambda: None)()
    return result


@TaskGenerator
def small(name, *needs):
    return made(name, 0, needs)


@TaskGenerator
def large(name, *needs):
    return made(name, LARGE, needs)


def worker(store, world=None, **settings):
    return simulated.worker(jug.task.alltasks, store, world, None, **settings)


def is_in_order(other):
    """Whatever is durable now, is what it was computed from, too?"""
    there = set(other.list())
    for task in jug.task.alltasks:
        if task.hash() in there:
            assert {need.hash() for need in task.dependencies()} <= there


def goes_together(other):
    """Each stored result was computed from the stored results."""
    for task in jug.task.alltasks:
        needs = [other.load(need.hash())[1] for need in task.dependencies()]
        assert other.load(task.hash())[2] == needs, task.args[0]


def rob(other, task):
    """Another worker takes over the task, and finishes it, unless it is finished; True if it was not. Only once."""
    actions.clear()
    other.remove_lock(task.hash())
    lock = other.getlock(task.hash())
    assert lock.get()
    is_missing = not other.can_load(task.hash())
    if is_missing:
        other.dump(["another", next(numbers), [], ""], task.hash())
    lock.release()
    return is_missing


def known_to_be_short():
    """What follows waits at first: of tasks of this name, one was short."""
    small("known to be short")


def run(store, world=None):
    scheduler = worker(store, world)
    assert scheduler.run().exit_code == 0
    assert list(store.listlocks()) == []
    return scheduler


@pytest.mark.parametrize(("first", "second"), [(small, large), (large, small), (small, small)])
def test_nothing_is_there_before_what_it_was_computed_from(stores, first, second):
    store, other = stores
    checks.append(lambda: is_in_order(other))
    for i in range(10):
        second(f"second {i}", first(f"first {i}"), first(f"another {i}"))
    run(store)
    goes_together(other)


def test_nor_before_what_stands_behind_that(stores):
    store, other = stores
    checks.append(lambda: is_in_order(other))
    for i in range(5):
        chain = small(f"a{i}")
        for name in "bcde":
            chain = small(f"{name}{i}", chain, small(f"{name}{i} beside"))
        large(f"large {i}", chain)
    run(store)
    goes_together(other)


def test_a_task_that_turns_out_to_be_long_keeps_the_order(stores):
    store, other = stores
    world = FakeWorld()
    first = small("first")
    second = small("second", first)
    small("third", second)

    def take_long():
        world.now += 2 * SHORT

    actions["second"] = take_long
    checks.append(lambda: is_in_order(other))
    run(store, world)
    goes_together(other)


@pytest.mark.parametrize("last", [small, large])
@pytest.mark.parametrize("at", ["first", "third", "last"])
def test_what_was_computed_from_an_overtaken_result_runs_again(stores, last, at):
    store, other = stores
    known_to_be_short()
    first = small("first")
    second = small("second", first)
    third = small("third", second)
    beside = small("beside")
    last("last", third, beside)
    robbed = []
    actions[at] = lambda: robbed.append(rob(other, first))
    scheduler = run(store)
    goes_together(other)
    assert robbed == [True] or at != "first"
    assert scheduler.reporter.of("overtaken") == ["first"] * sum(robbed)
    assert other.load(first.hash())[0] == ("another" if robbed[0] else "first")
    assert scheduler.reporter.of("started").count("beside") == 1
    told = scheduler.reporter.of("executed")
    assert sorted(told) == sorted(set(told)) and ("first" not in told or not robbed[0])


@pytest.mark.parametrize("at", ["first", "second"])
def test_a_long_task_is_not_committed_with_an_overtaken_input(stores, at):
    store, other = stores
    world = FakeWorld()
    known_to_be_short()
    first = small("first")
    small("second", first)

    def take_long():
        world.now += 2 * SHORT

    actions["second"] = take_long
    actions[at] = lambda: take_long() if at == "second" and rob(other, first) else rob(other, first)
    run(store, world)
    goes_together(other)


def test_a_task_before_which_its_input_is_overtaken_waits_for_it(stores):
    """Another one, of which it is not known that it is short."""
    store, other = stores
    first = small("first")
    large("second", first)
    actions["first"] = lambda: rob(other, first)
    run(store)
    goes_together(other)


@pytest.mark.parametrize("settings", [{}, {"aggressive_unload": True}])
@pytest.mark.parametrize("at", ["first", "dependent 1"])
def test_every_copy_of_an_overtaken_result_is_forgotten(stores, settings, at):
    store, other = stores
    known_to_be_short()
    first = small("first")
    copies = [Task(small.f, "first") for _ in range(3)]
    for i, copy in enumerate(copies):
        small(f"dependent {i}", copy)
        small(f"by a tasklet {i}", [copy[0], copy[1]])
    robbed = []
    actions[at] = lambda: robbed.append(rob(other, first))
    assert worker(store, **settings).run().exit_code == 0
    stored = other.load(first.hash())
    for task in jug.task.alltasks:
        if task.args[0].startswith("d") or task.args[0].startswith("by"):
            assert other.load(task.hash())[2] == [stored[1]]
    assert (stored[0] == "another") == robbed[0] and robbed[0] in (True, at == "first")
    assert [copy.value() for copy in [first, *copies]] == [stored] * 4


@pytest.mark.parametrize("at", ["first", "second"])
def test_a_failure_by_an_overtaken_result_is_none(stores, at):
    store, other = stores
    robbed = []

    @TaskGenerator
    def fails(name, *needs):
        actions.get(name, lambda: None)()
        if needs and needs[0][0] == "first":
            raise ValueError("no good number")
        return made(name, 0, needs)

    fails("known to be short")
    known_to_be_short()
    first = small("first")
    second = fails("second", first)
    actions[at] = lambda: robbed.append(rob(other, first))
    scheduler = worker(store)
    outcome = scheduler.run()
    if robbed[0]:
        assert outcome.exit_code == 0 and scheduler.reporter.of("failed") == []
        assert other.failure(second.hash()) is None
        goes_together(other)
    else:
        assert scheduler.reporter.of("failed") == ["second"] and other.load(first.hash())[0] == "first"
    assert robbed[0] or at == "second"


def test_a_failure_is_not_there_before_what_it_was_computed_from(stores):
    store, other = stores
    first = small("first")
    second = small("second", first)

    def fail():
        raise ValueError("no good number")

    actions["second"] = fail
    scheduler = worker(store)
    there = []
    record = store.record_failure
    store.record_failure = lambda name, told: there.append(other.can_load(first.hash())) or record(name, told)
    assert scheduler.run().exit_code == 1
    assert there == [True] and not other.can_load(second.hash())


def test_what_a_function_reads_besides_is_an_input_too(stores):
    store, other = stores

    @TaskGenerator
    def reads(name, *needs):
        read = [value(first)] if name in ("small", "large") else []
        return made(name, LARGE if name == "large" else 0, [*needs, *read])

    reads("known to be short")
    known_to_be_short()
    first = small("first")
    tasks = [reads(name) for name in ("small", "large")]
    actions["first"] = lambda: rob(other, first)
    run(store)
    stored = other.load(first.hash())[1]
    assert [other.load(task.hash())[2] for task in tasks] == [[stored]] * 2


def test_what_a_function_stores_by_itself_is_in_order(stores):
    store, other = stores

    @TaskGenerator
    def runs_another(name):
        return made(name, 0, [CachedFunction(large.f, "inner", first)] if name == "runs" else [])

    runs_another("known to be short")
    known_to_be_short()
    first = small("first")
    runs_another("runs")
    checks.append(lambda: is_in_order(other))
    run(store)
    inner = Task(large.f, "inner", first)
    assert other.load(inner.hash())[2] == [other.load(first.hash())[1]]


def test_a_chain_of_short_tasks_is_stored_together(tmp_path):
    store = jug.task.Task.store = file_store(tmp_path)
    actions.clear()
    checks.clear()
    chain = small("0")
    for i in range(1, 200):
        chain = small(f"{i}", chain)
    run(store, FakeWorld())
    assert len(os.listdir(tmp_path / "packs")) == 1
    store.close()


def test_a_large_result_has_only_its_own_inputs_stored_before(tmp_path):
    """Those of others go on waiting."""
    store = jug.task.Task.store = file_store(tmp_path)
    flushes = []
    flush = store.flush
    store.flush = lambda: flushes.append(1) or flush()
    actions.clear()
    checks.clear()
    for i in range(20):
        small(f"small {i}")
        large(f"beside {i}") if i % 5 == 0 else None
    run(store, FakeWorld())
    assert len(flushes) <= 6
    store.close()


@pytest.mark.parametrize("error", [StoreError("the disk is gone"), NoRoomError("no room")])
def test_inputs_that_cannot_be_stored_end_the_worker(tmp_path, monkeypatch, error):
    store = jug.task.Task.store = file_store(tmp_path)
    actions.clear()
    checks.clear()

    def fail(self, records, check):
        raise error

    large("known to be short")
    first = small("first")
    second = large("second", first)
    with monkeypatch.context() as patched:
        patched.setattr("jug.backends.file.segments.compaction.Compaction.write", fail)
        scheduler = worker(store)
        with pytest.raises(StoreError):
            scheduler.run()
    assert "first" not in scheduler.reporter.of("executed") and scheduler.reporter.of("failed") == []
    assert not store.can_load(first.hash()) and not store.can_load(second.hash())
    assert list(store.listlocks()) == []
    run(store)
    goes_together(store)
    store.close()


def test_what_is_lost_when_there_is_no_room_to_wait_is_not_told(tmp_path, monkeypatch):
    store = jug.task.Task.store = file_store(tmp_path)
    actions.clear()
    checks.clear()

    def fail(self, records, check):
        raise NoRoomError("no room")

    tasks = [small(f"{i}") for i in range(50)]
    with monkeypatch.context() as patched:
        patched.setattr("jug.backends.file.segments.write_behind.ROOM", 1000)
        patched.setattr("jug.backends.file.segments.compaction.Compaction.write", fail)
        scheduler = worker(store)
        with pytest.raises(StoreError):
            scheduler.run()
    assert scheduler.reporter.of("executed") == [] and list(store.list()) == []
    run(store)
    assert all(map(store.can_load, (task.hash() for task in tasks)))
    store.close()
