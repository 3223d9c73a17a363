"""What can be said of each task, from few questions to the store."""

import pytest
from simulated import Leases, RecordingStore

import jug.task
from jug import Task
from jug.backends.base import LockDetails
from jug.engine.graph import Graph
from jug.engine.views.status import State, Status, finished_nodes, mark_of, marks_of, state_of

MARKS = [State.RUNNING, State.ABANDONED, State.FAILED]


def first(*args):
    return 1


def second(*args):
    return 2


@pytest.mark.parametrize(
    ("finished", "mark", "dependencies_finished", "state"),
    [
        (False, None, False, State.WAITING),
        (False, None, True, State.READY),
        (False, State.RUNNING, False, State.RUNNING),
        (False, State.RUNNING, True, State.RUNNING),
        (False, State.ABANDONED, False, State.WAITING),
        (False, State.ABANDONED, True, State.ABANDONED),
        (False, State.FAILED, False, State.FAILED),
        (False, State.FAILED, True, State.FAILED),
        (True, None, False, State.FINISHED),
        (True, None, True, State.FINISHED),
        *((True, mark, ready, State.FINISHED) for mark in MARKS for ready in (False, True)),
    ],
)
def test_the_state_of_one_task(finished, mark, dependencies_finished, state):
    assert state_of(finished, mark, dependencies_finished) is state


def test_what_a_lock_says_of_its_task():
    locks = LockDetails(False), LockDetails(False, abandoned=True), LockDetails(True)
    assert [mark_of(lock) for lock in locks] == MARKS


def test_each_state_has_a_sentence():
    assert all(state.sentence.endswith(".") for state in State)
    assert len({state.sentence for state in State}) == len(State)


def seen(store, selects=None):
    """The states of all tasks now."""
    return [State(state).name for state in Status(Graph(jug.task.alltasks), store, selects).states]


def test_results_make_what_needs_them_ready(store):
    a, b = Task(first, 1), Task(first, 2)
    Task(second, [a, b[0]])
    assert seen(store) == ["READY", "READY", "WAITING"]
    a.run()
    assert seen(store) == ["FINISHED", "READY", "WAITING"]
    b.run()
    assert seen(store) == ["FINISHED", "FINISHED", "READY"]
    a.invalidate()
    assert seen(store) == ["READY", "FINISHED", "WAITING"]


def test_locks_are_seen_as_running_or_failed_and_results_win(store):
    task = Task(first)
    assert task.lock()
    assert seen(store) == ["RUNNING"]
    task.fail()
    assert seen(store) == ["FAILED"]
    task.run()
    assert seen(store) == ["FINISHED"]


def test_a_lock_whose_holder_is_gone_is_told_apart(store):
    task = Task(first)
    jug.task.Task.store = leases = Leases(store)
    assert leases.getlock(task.hash()).get()
    assert seen(leases) == ["RUNNING"]
    leases.gone.add(task.hash())
    assert seen(leases) == ["ABANDONED"]


def test_a_task_whose_dependency_is_not_listed(store):
    hidden = Task(first)
    del jug.task.alltasks[:]
    Task(second, hidden)
    assert seen(store) == ["WAITING"]
    hidden.run()
    assert seen(store) == ["READY"]


def counted(status):
    return {name: {s.name: number for s, number in row.items() if number} for name, row in status.by_name().items()}


def test_counts_by_name_are_in_the_order_of_first_appearance(store):
    late = [Task(second, i) for i in range(2)]
    early = [Task(first, late[i]) for i in range(2)]
    Task(second, 3)
    late[1].run()
    early[0].lock()
    status = Status(Graph(jug.task.alltasks), store)
    assert list(status.by_name()) == [late[0].name, early[0].name]
    assert counted(status) == {late[0].name: {"READY": 2, "FINISHED": 1}, early[0].name: {"RUNNING": 1, "READY": 1}}
    assert status.counts() == {
        State.WAITING: 0,
        State.READY: 3,
        State.RUNNING: 1,
        State.ABANDONED: 0,
        State.CLAIMED: 0,
        State.FAILED: 0,
        State.FINISHED: 1,
    }
    assert list(status.counts()) == list(State)
    assert not status.is_complete()


def test_a_selection_counts_its_own_names_only(store):
    task = Task(first)
    Task(second, task)
    task.run()
    status = Status(Graph(jug.task.alltasks), store, lambda name: name.endswith("first"))
    assert counted(status) == {task.name: {"FINISHED": 1}}
    assert status.is_complete()
    assert not Status(Graph(jug.task.alltasks), store).is_complete()
    assert Status(Graph(jug.task.alltasks), store, lambda name: False).by_name() == {}


def test_no_tasks_are_complete(store):
    assert Status(Graph([]), store).is_complete()


def test_unlisted_tasks_are_not_counted(store):
    hidden = Task(first)
    del jug.task.alltasks[:]
    task = Task(second, hidden)
    assert counted(Status(Graph(jug.task.alltasks), store)) == {task.name: {"WAITING": 1}}


def test_results_of_other_jugfiles_are_nobody_s(store):
    store.dump(1, b"0" * 40)
    Task(first).run()
    assert list(finished_nodes(Graph(jug.task.alltasks), store)) == [1]


def questions_for(number):
    """How many questions the status of `number` tasks, each needing all of ten, asks."""
    jug.task.Task.store = store = RecordingStore()
    tasks = [Task(first, i) for i in range(10)]
    for task in tasks:
        task.run()
    for i in range(number):
        Task(second, i, tasks)
    tasks[0].lock()
    graph = Graph(jug.task.alltasks)
    store.log.clear()
    assert Status(graph, store).counts()[State.FINISHED] == 10
    del jug.task.alltasks[:]
    return len(store.log)


def test_the_questions_do_not_grow_with_tasks_or_dependencies():
    assert questions_for(1000) == questions_for(10) < 10


def test_a_task_that_finishes_between_the_questions_is_never_ready():
    store = jug.task.Task.store = RecordingStore()
    task = Task(first)
    lock = store.getlock(task.hash())
    lock.get()

    def finish_between(operation, name):
        if operation == "list" and not store.store.get(b"result:" + task.hash()):
            store.dump(1, task.hash())
            lock.release()

    store.before = finish_between
    assert seen(store) == ["FINISHED"]


# Locks of one worker


def lock_of(worker, since=0.0, one_at_a_time=True, **more):
    lock = LockDetails(False, "node", 1, since, more.pop("abandoned", False))
    lock.worker, lock.one_at_a_time = worker, one_at_a_time
    lock.is_noted = more.pop("is_noted", False)
    return lock


def test_of_the_locks_of_a_worker_that_runs_one_task_at_a_time_one_is_running():
    locks = {b"a": lock_of("x", 2.0), b"b": lock_of("x", 1.0), b"c": lock_of("x", 2.0), b"d": lock_of("y")}
    claimed = State.CLAIMED
    assert marks_of(locks) == {b"a": claimed, b"b": State.RUNNING, b"c": claimed, b"d": State.RUNNING}
    locks[b"c"] = lock_of("x", 3.0, is_noted=True)  # it says so
    assert marks_of(locks) == {b"a": claimed, b"b": claimed, b"c": State.RUNNING, b"d": State.RUNNING}


def test_locks_of_others_are_what_they_were():
    failed = LockDetails(True)
    locks = {b"a": lock_of("", one_at_a_time=False), b"b": lock_of("", one_at_a_time=False), b"c": failed}
    locks |= {b"d": lock_of("z", abandoned=True), b"e": lock_of("z", abandoned=True)}
    assert list(marks_of(locks).values()) == [State.RUNNING] * 2 + [State.FAILED] + [State.ABANDONED] * 2
