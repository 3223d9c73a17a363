"""Results that wait to be stored: which ones, how long, and that nothing is told before it is true."""

import pytest
import simulated
from simulated import FakeWorld

import jug.task
from jug import TaskGenerator, value
from jug.backends.file_store import file_store
from jug.engine.call.signals import Interrupted
from jug.engine.run.pending_results import LONGEST, SHORT
from jug.errors import NoRoomError, StopWorker, StoreError
from jug.hooks import early, register_hook
from jug.hooks.exit_checks import exit_after_n_tasks

actions = {}  # what functions do, by the value of their first argument


@TaskGenerator
def job(x, *needs):
    return actions.get(x, lambda: x)()


@TaskGenerator
def other_job(x, *needs):
    return actions.get(x, lambda: x)()


class CountingStore(file_store):
    """A store that knows how many results each flush stored."""

    def __init__(self, path):
        super().__init__(path)
        self.waiting, self.flushes = 0, []

    def dump_soon(self, object, name, lock):
        found = super().dump_soon(object, name, lock)
        self.waiting += found is None
        return found

    def flush(self):
        overtaken = super().flush()
        self.flushes.append(self.waiting)
        self.waiting = 0
        return overtaken


@pytest.fixture
def store(tmp_path):
    actions.clear()
    store = jug.task.Task.store = CountingStore(tmp_path)
    yield store
    store.close()


def worker(store, world=None, **settings):
    return simulated.worker(jug.task.alltasks, store, world, None, **settings)


def takes(world, seconds):
    def function():
        world.now += seconds

    return function


def test_short_tasks_are_stored_together(store):
    jobs = [job(x) for x in range(50)]
    scheduler = worker(store)
    assert scheduler.run().exit_code == 0
    assert store.flushes == [50]
    assert scheduler.reporter.of("executed") == list(range(50))
    assert value(jobs) == list(range(50)) and list(store.listlocks()) == []


def test_what_needs_a_result_that_waits_gets_it(store):
    last = job(0)
    for x in range(1, 20):
        last = job(x, last)
    assert worker(store, aggressive_unload=True).run().exit_code == 0
    assert store.flushes == [20] and value(last) == 19


def test_no_result_waits_for_longer_than_a_moment(store):
    world = FakeWorld()
    for x in range(20):
        actions[x] = takes(world, LONGEST / 5)
        job(x)
    assert worker(store, world).run().exit_code == 0
    assert sum(store.flushes) == 20 and max(store.flushes) <= 6


def test_the_result_of_a_long_task_is_stored_at_once(store):
    world = FakeWorld()
    actions["long"] = takes(world, SHORT * 2)
    job("long")
    assert worker(store, world).run().exit_code == 0
    assert sum(store.flushes) == 0 and len(list(store.list())) == 1


def test_nothing_waits_for_a_task_of_which_it_is_not_known_that_it_is_short(store):
    seen = []
    job(0)
    actions["other"] = lambda: seen.append(len(list(file_store(store.jugdir).list())))
    other_job("other")
    assert worker(store).run().exit_code == 0
    assert seen == [1]


def test_tasks_that_were_long_the_last_time_are_not_expected_to_be_short(store):
    world, seen = FakeWorld(), []
    actions[0] = takes(world, SHORT * 2)
    actions[3] = lambda: seen.append(len(list(file_store(store.jugdir).list())))
    other_job(0)
    job(1)
    job(2)
    other_job(3)
    assert worker(store, world).run().exit_code == 0
    assert seen == [3]


def test_a_task_is_told_to_be_executed_when_its_result_is_there(store):
    there = []
    for x in range(20):
        job(x)
    scheduler = worker(store)
    executed = scheduler.reporter.executed

    def tell(task, seconds):
        there.append(file_store(store.jugdir).can_load(task.hash()))
        executed(task, seconds)

    scheduler.reporter.executed = tell
    assert scheduler.run().exit_code == 0
    assert there == [True] * 20


def test_a_hook_is_called_when_the_result_is_there(store):
    there = []
    register_hook("execute.task-executed1", lambda task: there.append(file_store(store.jugdir).can_load(task.hash())))
    for x in range(5):
        job(x)
    assert worker(store).run().exit_code == 0
    assert there == [True] * 5


def test_a_hook_that_does_not_need_the_result_holds_up_nothing(store):
    called = []
    register_hook("execute.task-executed1", early(lambda task: called.append(task.args[0])))
    for x in range(5):
        job(x)
    assert worker(store).run().exit_code == 0
    assert called == list(range(5)) and store.flushes == [5]


def test_a_limit_of_tasks_is_kept_and_what_was_run_is_stored(store):
    exit_after_n_tasks(3)
    for x in range(10):
        job(x)
    scheduler = worker(store)
    assert "limit of tasks" in scheduler.run().reason
    assert store.flushes == [3] and len(list(store.list())) == 3
    assert scheduler.reporter.of("executed") == [0, 1, 2] and list(store.listlocks()) == []


@pytest.mark.parametrize("error", [Interrupted(15), KeyboardInterrupt(), StopWorker("enough"), ValueError("no good")])
def test_whatever_ends_a_worker_what_it_has_computed_is_stored(store, error):
    def end():
        raise error

    actions[3] = end
    for x in range(10):
        job(x)
    try:
        worker(store).run()
    except type(error):
        pass
    assert len(list(file_store(store.jugdir).list())) == 3 and list(store.listlocks()) == []


@pytest.mark.parametrize("error", [StoreError("the disk is gone"), NoRoomError("no room")])
def test_what_cannot_be_stored_ends_the_worker_and_is_run_again_by_the_next(store, error, monkeypatch):
    def fail(self, records, check):
        raise error

    jobs = [job(x) for x in range(5)]
    with monkeypatch.context() as patched:
        patched.setattr("jug.backends.file.segments.compaction.Compaction.write", fail)
        scheduler = worker(store)
        with pytest.raises(type(error)):
            scheduler.run()
    assert scheduler.reporter.of("executed") == [] and list(store.listlocks()) == [] and list(store.list()) == []
    assert worker(store).run().exit_code == 0
    assert value(jobs) == list(range(5))


def test_trouble_with_locks_ahead_loses_nothing_that_waits(store, monkeypatch):
    def end():
        raise StopWorker("enough")

    def fails(following):
        if following is None:
            raise StoreError("Cannot release the lock")

    actions[5] = end
    tasks = [job(x) for x in range(10)]
    monkeypatch.setattr(store, "foresee", fails)
    with pytest.raises(StoreError, match="Cannot release the lock"):
        worker(store).run()
    assert store.flushes[-1] > 0 and {task.hash() for task in tasks[:5]} == set(store.list())


def test_it_is_told_which_results_are_those_of_others(store):
    other = file_store(store.jugdir)
    jobs = [job(x) for x in range(3)]

    def rob():
        other.remove_lock(jobs[0].hash())
        other.dump("of another", jobs[0].hash())

    actions[2] = rob
    scheduler = worker(store)
    assert scheduler.run().exit_code == 0
    assert scheduler.reporter.of("overtaken") == [0]
    assert value(jobs[0]) == "of another" and value(jobs[1]) == 1
