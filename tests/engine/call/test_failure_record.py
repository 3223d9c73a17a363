"""What is written down of a task that failed."""

import os

import pytest
from simulated import worker

import jug.task
from jug import TaskGenerator
from jug.backends.dict_store import dict_store
from jug.engine.call.failure_record import record_failure
from jug.errors import StoreError


@TaskGenerator
def fails(x, error=None):
    raise (error or ValueError(x))


def record_of(task, store):
    return store.failures()[task.hash()]


def test_a_failure_is_recorded_with_all_that_helps(store):
    task = fails("why\nnot")
    worker(jug.task.alltasks, store).run()
    record = record_of(task, store)
    assert sorted(record) == [
        "attempts", "call", "error", "host", "pid", "run", "task", "time", "traceback", "worker",
    ]  # fmt: skip
    assert record["run"] == store.run_id()
    assert (record["task"], record["attempts"]) == (task.name, 1)
    assert record["call"] == f"{task.name}('why\\nnot')"
    assert record["error"] == "ValueError: why"
    assert record["traceback"].startswith("Traceback (most recent call last):\n")
    assert record["traceback"].endswith("ValueError: why\nnot\n")
    assert "jug/engine" not in record["traceback"]
    assert (record["host"], record["pid"]) == (os.uname().nodename, os.getpid())


@pytest.mark.parametrize("keep_failed", [False, True])
def test_each_attempt_counts(store, keep_failed):
    task = fails(1)
    for attempt in (1, 2):
        store.remove_locks()
        worker(jug.task.alltasks, store, keep_failed=keep_failed).run()
        assert record_of(task, store)["attempts"] == attempt


def test_a_task_that_runs_leaves_no_record(store):
    TaskGenerator(len)([1])
    worker(jug.task.alltasks, store).run()
    assert store.failures() == {}


def test_the_record_has_bounds_whatever_the_error_says(store):
    task = fails("x" * 10**6)
    worker(jug.task.alltasks, store).run()
    record = record_of(task, store)
    assert max(len(record["error"]), len(record["call"])) < 1000
    assert 10_000 < len(record["traceback"]) < 21_000
    assert " characters ..." in record["traceback"]


def test_of_a_syntax_error_the_line_with_the_error_is_told(store):
    task = fails(1, SyntaxError("odd", ("file.py", 3, 1, "x = = 1", 3, 2)))
    worker(jug.task.alltasks, store).run()
    assert record_of(task, store)["error"] == "SyntaxError: odd"


def test_a_record_of_somebody_else_is_no_obstacle(store):
    task = fails(1)
    store.record_failure(task.hash(), {"attempts": "many"})
    worker(jug.task.alltasks, store).run()
    assert record_of(task, store)["attempts"] == 1


class NoRoom(dict_store):
    def record_failure(self, name, record):
        raise StoreError("no room")


def test_a_store_without_room_does_not_turn_the_failure_into_another(store):
    task = fails(1)
    record_failure(NoRoom(), task, ValueError("x"))
    outcome = worker(jug.task.alltasks, NoRoom()).run()
    assert outcome.failures == [task]
