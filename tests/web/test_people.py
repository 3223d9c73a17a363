"""Workers and failures, whatever their locks and records hold."""

import json

import pytest
from simulated import at_work

from jug import Task
from jug.backends.base import LockDetails
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.views.live_status import LiveStatus
from jug.engine.views.status import State
from jug.web.people import MOST_FAILURES, MOST_TASKS_RUNNING, Workers, as_record, failures


def work(*args):
    return 1


def other(*args):
    return 1


class TellingStore(dict_store):
    """Knows of each lock what the test says."""

    def __init__(self):
        super().__init__()
        self.details = {}

    def lock_details(self):
        return self.details


@pytest.fixture
def telling():
    return TellingStore()


def looked(store, tasks, records=()):
    status = LiveStatus(Graph(tasks), store)
    status.look(records)
    return status


def test_workers_are_the_processes_that_hold_locks_longest_first(telling):
    tasks = [Task(work, i) for i in range(4)]
    holders = [("b", 7, 30.0), ("a", 7, 20.0), ("b", 7, 10.0)]
    for task, (host, pid, since) in zip(tasks, holders, strict=False):
        telling.details[task.hash()] = LockDetails(False, host, pid, since)
    telling.details[tasks[3].hash()] = LockDetails(True, "c", 1, 5.0)  # failed: nobody works at it
    told = Workers().seen(looked(telling, tasks), 0)
    assert told["count"] == 2
    assert [(worker["host"], [task["since"] for task in worker["tasks"]]) for worker in told["list"]] == [
        ("b", [10.0, 30.0]),
        ("a", [20.0]),
    ]
    assert told["list"][1]["tasks"][0]["call"] == tasks[1].name + "(1)"


def test_the_lock_of_a_finished_task_is_no_work(telling):
    task = Task(work, 1)
    telling.details[task.hash()] = LockDetails(False, "a", 7, 1.0)
    telling.dump(1, task.hash())
    assert Workers().seen(looked(telling, [task]), 0) == {"count": 0, "list": []}


def test_who_does_not_say_who_he_is_counts_by_tasks(telling):
    tasks = [Task(work, i) for i in range(2)]
    telling.details = {task.hash(): LockDetails(False) for task in tasks}
    told = Workers().seen(looked(telling, tasks), 0)
    assert told["count"] == len(told["list"]) == 2
    assert told["list"][0]["host"] == "" and told["list"][0]["tasks"][0]["since"] is None


def test_a_task_of_another_jugfile_has_no_name(telling):
    telling.details[b"e" * 40] = LockDetails(False, "a", 7, 1.0)
    told = Workers().seen(looked(telling, [Task(work, 1)]), 0)
    assert told["list"][0]["tasks"] == [{"task": "e" * 40, "name": "", "call": "", "since": 1.0}]


def test_a_worker_between_two_tasks_is_still_there_for_a_while(telling):
    task = Task(work, 1)
    telling.details[task.hash()] = LockDetails(False, "a", 7, 1.0)
    workers = Workers()
    status = looked(telling, [task])
    assert workers.seen(status, 100)["count"] == 1
    telling.details = {}
    status.look()
    assert workers.seen(status, 110) == {
        "count": 1,
        "list": [{"host": "a", "pid": 7, "user": "", "since": None, "gone": False, "tasks": []}],
    }
    assert workers.seen(status, 120) == {"count": 0, "list": []}


def test_who_has_a_name_in_the_store_is_told_of_for_as_long_as_he_is_there(telling):
    task = Task(work, 1)
    details = telling.details[task.hash()] = LockDetails(False, "a", 7, 1.0)
    details.worker = "w1"
    workers = Workers()
    status = looked(telling, [task])
    assert workers.seen(status, 100, [at_work("w1", "a", 7, "ann", 1.0)])["count"] == 1
    telling.details = {}
    status.look()
    assert workers.seen(status, 101) == {"count": 0, "list": []}


def test_workers_that_the_store_tells_of_are_there_without_a_task_too(telling):
    task = Task(work, 1)
    details = telling.details[task.hash()] = LockDetails(False, "a", 7, 3.0)
    details.worker = "w1"
    known = [at_work("w1", "a", 7, "ann", 1.0), at_work("w2", "b", 8, "bob", 2.0)]
    workers = Workers()
    status = looked(telling, [task])
    told = workers.seen(status, 0, known)
    assert told["count"] == 2
    assert [(w["host"], w["user"], w["since"], w["gone"], len(w["tasks"])) for w in told["list"]] == [
        ("a", "ann", 1.0, False, 1),
        ("b", "bob", 2.0, False, 0),
    ]
    telling.details = {}
    status.look()
    assert workers.seen(status, 1, known)["count"] == 2


def test_who_is_gone_is_no_worker_but_what_was_left_behind_is_told(telling):
    tasks = [Task(work, i) for i in range(2)]
    workers = Workers()
    for task in tasks:
        telling.details[task.hash()] = LockDetails(False, "a", 7, 1.0)
    status = looked(telling, tasks)
    assert workers.seen(status, 0)["count"] == 1
    for task in tasks:
        telling.details[task.hash()] = LockDetails(False, "a", 7, 1.0, abandoned=True)
    status.look()
    told = workers.seen(status, 1, [at_work("w2", "b", 8, gone=True)])
    assert told["count"] == 0
    assert [(w["host"], w["gone"], len(w["tasks"])) for w in told["list"]] == [("a", True, 2)]
    assert status.counts()[State.ABANDONED] == 2


def test_of_thousands_of_workers_some_are_told(telling):
    tasks = [Task(work, i) for i in range(2 * MOST_TASKS_RUNNING)]
    for i, task in enumerate(tasks):
        telling.details[task.hash()] = LockDetails(False, "a", i + 1, float(i))
    told = Workers().seen(looked(telling, tasks), 0)
    assert (told["count"], len(told["list"])) == (2 * MOST_TASKS_RUNNING, MOST_TASKS_RUNNING)


def record(time, **more):
    return {"error": "ValueError: x", "traceback": "T", "host": "a", "pid": 7, "time": time, "attempts": 1, **more}


def test_failures_are_told_the_last_first_without_tracebacks(store):
    tasks = [Task(work, i) for i in range(3)]
    records = {tasks[0].hash(): record(5.0), tasks[1].hash(): record(6.0, call="work(1)")}
    store.getlock(tasks[1].hash()).fail()
    lock = store.getlock(tasks[1].hash())
    lock.get()
    lock.fail()
    told = failures(looked(store, tasks, records), records)
    assert told["count"] == 2
    assert [(one["task"], one["call"], one["locked"]) for one in told["list"]] == [
        (tasks[1].hash().decode(), "work(1)", True),
        (tasks[0].hash().decode(), tasks[0].name + "(0)", False),
    ]
    assert "traceback" not in told["list"][0]


def test_a_record_of_a_finished_task_or_of_another_jugfile_does_not_count(store):
    task = Task(work, 1)
    store.dump(1, task.hash())
    records = {task.hash(): record(1.0), b"e" * 40: record(2.0)}
    assert failures(looked(store, [task], records), records) == {"count": 0, "list": []}


def test_a_failed_lock_without_a_record_is_a_failure(store):
    task = Task(work, 1)
    lock = store.getlock(task.hash())
    lock.get()
    lock.fail()
    (told,) = failures(looked(store, [task]), {})["list"]
    assert (told["error"], told["time"], told["call"], told["locked"]) == ("", None, task.name + "(1)", True)


def test_of_many_failures_the_last_of_each_name_and_the_last_of_all_are_told(store):
    tasks = [Task(work, i) for i in range(1000)] + [Task(other, 1)]
    records = {task.hash(): record(float(1000 - i if i == 1000 else i)) for i, task in enumerate(tasks)}
    told = failures(looked(store, tasks, records), records)
    assert (told["count"], len(told["list"])) == (1001, MOST_FAILURES)
    names = [one["name"] for one in told["list"]]
    assert names.count(tasks[-1].name) == 1 and names[-1] == tasks[-1].name
    assert [one["time"] for one in told["list"][:3]] == [999.0, 998.0, 997.0]


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"time": "yesterday", "pid": "x", "attempts": None, "error": 7, "traceback": ["T"], "host": {}},
        {"time": float("nan"), "attempts": float("inf"), "pid": True, "error": "x" * 10_000, "traceback": "y" * 10**6},
    ],
)
def test_a_strange_record_has_the_types_that_were_promised(strange):
    told = as_record(strange)
    assert len(json.dumps(told, allow_nan=False)) < 60_000
    assert [type(told[key]) for key in ("call", "error", "traceback", "host", "pid", "attempts")] == [str] * 4 + [
        int
    ] * 2
    assert told["time"] is None


def test_words_of_others_are_signs():
    told = as_record({"host": "a\x1b\udc80", "error": "b\u202e", "traceback": "c\n\td\udc80"})
    assert (told["host"], told["error"], told["traceback"]) == ("a\\x1b\\udc80", "b\\u202e", "c\n\td\\udc80")
