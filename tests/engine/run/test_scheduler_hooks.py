"""Hooks that end a worker while it learns what others have done, and how much a worker asks while it waits."""

import pytest
from simulated import FakeWorld, RecordingStore, finish, names_of_locks, worker

from jug import Task
from jug.engine.run.outcome import Ending
from jug.errors import StopWorker
from jug.hooks import register_hook

LOADABLE = "execute.task-loadable"
STOPS = [StopWorker("enough"), SystemExit("enough"), SystemExit(99), SystemExit()]


def asked(stop, otherwise):
    """The exit status that a hook asks for: as Python has it, but that it cannot say that all is well."""
    return {"enough": 1, 99: 99}.get(stop.code, otherwise)


def work(x, *needs):
    return x


def stop_at(hook, stop):
    def raise_it(task):
        raise stop

    register_hook(hook, raise_it)


def make(number):
    return [Task(work, i) for i in range(number)]


@pytest.mark.parametrize("stop", STOPS)
def test_a_hook_stops_a_worker_that_finds_results_at_its_start(stop):
    store = RecordingStore()
    tasks = make(3)
    finish(store, tasks[1])
    stop_at(LOADABLE, stop)
    outcome = worker(tasks, store).run()
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, asked(stop, 3))
    assert store.number_of("dump") == 0 and names_of_locks(store) == set()


@pytest.mark.parametrize("stop", STOPS)
def test_a_hook_stops_a_worker_that_finds_all_finished(stop):
    store = RecordingStore()
    tasks = make(5)
    finish(store, *tasks)
    stop_at(LOADABLE, stop)
    outcome = worker(tasks, store).run()
    assert (outcome.ending, outcome.exit_code) == (Ending.COMPLETE, asked(stop, 0))
    assert not any(outcome.left.values())


@pytest.mark.parametrize("stop", STOPS)
def test_a_hook_stops_a_worker_whose_task_another_finished_just_before_it_was_locked(stop):
    store = RecordingStore()
    first, second = tasks = make(2)
    stop_at(LOADABLE, stop)
    store.before = lambda operation, name: finish(store, first) if (operation, name) == ("get", first.hash()) else None
    outcome = worker(tasks, store).run()
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, asked(stop, 3))
    assert store.about(first.hash())[:3] == ["get", "can_load", "release"]
    assert names_of_locks(store) == set() and not store.can_load(second.hash())


@pytest.mark.parametrize("stop", STOPS)
def test_a_hook_stops_a_worker_that_waits(stop):
    store = RecordingStore()
    tasks = make(2)
    for task in tasks:
        assert store.getlock(task.hash()).get()
    stop_at(LOADABLE, stop)
    outcome = worker(tasks, store, FakeWorld(lambda: finish(store, tasks[0]))).run()
    assert (outcome.ending, outcome.exit_code) == (Ending.STOPPED, asked(stop, 3))
    assert names_of_locks(store) == {task.hash() for task in tasks}  # those of others are theirs


def test_each_result_is_told_although_a_hook_looks_at_the_store():
    store = RecordingStore()
    tasks = make(4)
    finish(store, *tasks)
    told = []
    register_hook(LOADABLE, lambda task: told.append((task.args[0], task.can_load(store))))
    assert worker(tasks, store).run().exit_code == 0
    assert sorted(told) == [(i, True) for i in range(4)]


@pytest.mark.parametrize("hook", ["execute.task-pre-execute", "execute.task-executed1"])
@pytest.mark.parametrize("keep_failed", [False, True])
def test_an_error_in_a_hook_leaves_no_lock_of_a_running_task(hook, keep_failed):
    """Before the function it is the task that fails; afterwards nothing has failed but the hook."""
    store = RecordingStore()
    (task,) = make(1)
    stop_at(hook, LookupError("the hook is broken"))
    scheduler = worker([task], store, keep_failed=keep_failed)
    if hook == "execute.task-pre-execute":
        assert scheduler.run().failures == [task]
        assert names_of_locks(store) == ({task.hash()} if keep_failed else set())
    else:
        with pytest.raises(LookupError, match="broken"):
            scheduler.run()
        assert store.can_load(task.hash()) and names_of_locks(store) == set()


def questions(number, *kinds):
    store = RecordingStore()
    inputs = make(number // 2)
    users = [Task(work, "user", i, inputs[i], inputs[-1]) for i in range(number // 2)]
    assert worker([*inputs, *users], store).run().exit_code == 0
    return store.number_of(*kinds)


def test_the_number_of_listings_does_not_grow_with_the_tasks():
    assert questions(1000, "list", "listlocks") == questions(10, "list", "listlocks") <= 4


def test_one_question_for_each_task_that_is_run():
    assert questions(200, "can_load", "is_failed") <= 200


def test_a_worker_among_busy_ones_lists_no_more_for_each_of_them():
    """Time stands still: between two looks some must pass."""
    store = RecordingStore()
    tasks = make(1000)
    for task in tasks[:500]:
        store.getlock(task.hash()).get()
    store.log.clear()
    outcome = worker(tasks, store, nr_wait_cycles=0).run()
    assert outcome.exit_code == 3 and outcome.left["running"] == 500
    assert store.number_of("list", "listlocks") <= 6


def test_waiting_looks_seldom_until_it_gives_up():
    store = RecordingStore()
    (task,) = make(1)
    store.getlock(task.hash()).get()
    scheduler = worker([task], store, wait_cycle_time=12, nr_wait_cycles=150)
    outcome = scheduler.run()
    assert (outcome.ending, outcome.exit_code) == (Ending.GAVE_UP, 3)
    assert scheduler.world.now == pytest.approx(1800)
    assert len(scheduler.world.naps) < 150 + 20
    assert store.number_of("list") <= len(scheduler.world.naps) + 3


def test_a_look_that_takes_long_is_repeated_seldom():
    """A store that needs a second for a listing is not asked for one at every lock that another holds."""
    store, world = RecordingStore(), FakeWorld()
    tasks = make(100)
    for task in tasks[:50]:
        store.getlock(task.hash()).get()
    store.log.clear()

    def takes_time(operation, name):
        world.now += {"list": 1.0, "get": 0.1}.get(operation, 0)

    store.before = takes_time
    worker(tasks, store, world, nr_wait_cycles=0).run()
    assert store.number_of("list") <= 4
