"""The states that are kept up to date are at every moment those that a fresh look finds."""

import random

import pytest
from simulated import Leases, RecordingStore

import jug.task
from jug import Task
from jug.backends.base import LockDetails
from jug.backends.file_store import file_store
from jug.engine.graph import Graph
from jug.engine.views.live_status import LiveStatus
from jug.engine.views.status import State, Status
from jug.errors import StoreError


def first(*args):
    return 1


def second(*args):
    return 2


def lattice(width, depth, chance):
    """Tasks in layers, each of which needs some of the layer before."""
    layer = [Task(first, 0, i) for i in range(width)]
    for level in range(1, depth):
        layer = [Task(second, level, i, chance.sample(layer, chance.randrange(width))) for i in range(width)]
    return jug.task.alltasks


def assert_same(live, graph, store):
    fresh = Status(graph, store)
    assert live.states == fresh.states
    assert live.by_name() == fresh.by_name()
    assert live.counts() == fresh.counts()
    assert live.is_complete() == fresh.is_complete()


def do_something(store, task, chance):
    name = task.hash()
    match chance.randrange(6 if hasattr(store, "gone") else 5):
        case 0 | 1:
            store.dump(1, name)
        case 2:
            store.remove(name)
        case 3:
            lock = store.getlock(name)
            if lock.get() and chance.random() < 0.5:
                lock.fail()
        case 4:
            store.remove_lock(name)
        case 5:
            store.gone ^= {name}


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_a_fresh_look_finds_whatever_happens(store, seed):
    chance = random.Random(seed)
    store = Leases(store)
    tasks = lattice(6, 4, chance)
    graph = Graph(tasks)
    live = LiveStatus(graph, store)
    assert_same(live, graph, store)
    for _ in range(40):
        for _ in range(chance.randrange(8)):
            do_something(store, chance.choice(tasks), chance)
        live.look()
        assert_same(live, graph, store)


def test_it_is_what_a_fresh_look_finds_in_a_directory_too(tmp_path):
    chance = random.Random(1)
    tasks = lattice(5, 3, chance)
    store = file_store(tmp_path / "jugdata")
    graph = Graph(tasks)
    live = LiveStatus(graph, store)
    for _ in range(30):
        do_something(store, chance.choice(tasks), chance)
        live.look()
        assert_same(live, graph, store)


def test_it_counts_what_came_and_what_went(store):
    tasks = [Task(first, i) for i in range(4)]
    live = LiveStatus(Graph(tasks), store)
    store.dump(1, tasks[0].hash())
    store.dump(1, tasks[1].hash())
    store.dump(1, "f" * 40)  # of another jugfile
    assert live.look() == (2, 0)
    store.remove(tasks[0].hash())
    store.dump(1, tasks[2].hash())
    assert live.look() == (1, 1)
    assert live.look() == (0, 0)
    assert [live.is_finished(task.hash()) for task in tasks] == [False, True, True, False]
    assert not live.is_finished(b"f" * 40)


def test_a_task_that_is_not_listed_counts_for_what_needs_it_and_for_nothing_else(store):
    hidden = Task(first, 1)
    needs = Task(second, hidden)
    live = LiveStatus(Graph([needs]), store)
    live.look()
    assert live.counts()[State.WAITING] == 1
    store.dump(1, hidden.hash())
    assert live.look() == (0, 0)
    assert (live.counts()[State.READY], sum(live.counts().values())) == (1, 1)


def test_who_failed_before_counts_as_failed_until_somebody_works_at_it_or_it_is_done(store):
    task = Task(first, 1)
    live = LiveStatus(Graph([task]), store)
    lock = store.getlock(task.hash())

    def state(failed):
        live.look(failed)
        return State(live.states[0])

    assert state([]) is State.READY
    assert state([task.hash()]) is State.FAILED
    lock.get()
    assert state([task.hash()]) is State.RUNNING
    lock.release()
    assert state([task.hash()]) is State.FAILED
    assert state([]) is State.READY
    store.dump(1, task.hash())
    assert state([task.hash()]) is State.FINISHED


def test_locks_are_asked_for_before_results():
    store = RecordingStore()
    live = LiveStatus(Graph([Task(first, 1)]), store)
    live.look()
    asked = [operation for operation, _ in store.log]
    assert asked.index("listlocks") < asked.index("list")


def test_a_look_that_fails_changes_nothing(store):
    task = Task(first, 1)
    live = LiveStatus(Graph([task]), store)
    live.look()

    class Broken:
        def refresh(self):
            raise StoreError("gone")

    listing, live._listing = live._listing, Broken()
    store.getlock(task.hash()).get()
    with pytest.raises(StoreError):
        live.look()
    assert (State(live.states[0]), live.locks) == (State.READY, {})
    live._listing = listing
    live.look()
    assert State(live.states[0]) is State.RUNNING


def test_a_look_at_many_tasks_touches_only_what_changed(store):
    tasks = [Task(first, i) for i in range(2000)]
    graph = Graph(tasks)
    live = LiveStatus(graph, store)
    live.look()
    touched = []
    update = live._update
    live._update = lambda nodes: (touched.append(set(nodes)), update(touched[-1]))
    live.look()
    store.dump(1, tasks[7].hash())
    live.look()
    assert touched == [set(), {7}]


def test_all_locks_are_told_those_of_other_jugfiles_too(store):
    live = LiveStatus(Graph([Task(first, 1)]), store)
    store.getlock("e" * 40).get()
    live.look()
    assert list(live.locks) == [b"e" * 40]
    assert isinstance(live.locks[b"e" * 40], LockDetails)
    assert live.counts()[State.RUNNING] == 0


def test_blocked_are_those_that_wait_for_a_failed_one_directly_or_not(store):
    bad, good = Task(first, 1), Task(first, 2)
    middle = Task(second, bad, good)
    last = Task(second, middle, bad)
    free = Task(second, good)
    live = LiveStatus(Graph([bad, good, middle, last, free]), store)
    live.look([bad.hash()])
    assert (live.blocked(), list(live.nodes(State.FAILED))) == (2, [0])
    store.dump(1, middle.hash())  # by another way
    live.look([bad.hash()])
    assert live.blocked() == 1
    live.look()
    assert (live.blocked(), list(live.nodes(State.FAILED))) == (0, [])
