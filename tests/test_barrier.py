"""Barriers stop the jugfile until results are there."""

import pytest

import jug.task
from jug import Task, barrier, bvalue
from jug.barrier import BarrierError
from jug.errors import NoStoreError
from jug.io import NoLoad
from jug.mapreduce import map as jug_map


def double(x):
    return 2 * x


def test_barrier_needs_all_tasks(store):
    tasks = [Task(double, i) for i in range(3)]
    tasks[0].run()
    tasks[2].run()
    with pytest.raises(BarrierError, match=r"test_barrier\.double has no result") as caught:
        barrier()
    assert caught.value.needs is None
    tasks[1].run()
    assert barrier() is None


def test_barrier_of_no_tasks_is_open():
    assert barrier() is None


def test_barrier_does_not_ask_the_store_about_each_task(store):
    for i in range(1000):
        Task(double, i).run()
    store.counts.clear()
    barrier()
    assert sum(n for key, n in store.counts.items() if key.startswith((b"exists", b"load"))) < 100


def test_bvalue_needs_its_own_task_only(store):
    Task(double, 1)
    wanted = Task(double, 2)
    with pytest.raises(BarrierError) as caught:
        bvalue(wanted)
    assert caught.value.needs == {wanted.hash()}
    wanted.run()
    assert bvalue(wanted) == 4


def test_bvalue_of_structures_and_tasklets(store):
    pair, other = Task(divmod, 7, 2), Task(double, 2)
    mapped = jug_map(double, [1, 2, 3], map_step=2)
    structure = {"q": [pair[0]], "o": other, "m": mapped}
    with pytest.raises(BarrierError) as caught:
        bvalue(structure)
    assert caught.value.needs == {pair.hash(), other.hash(), *(block.hash() for block in mapped.blocks)}
    for task in jug.task.alltasks:
        task.run()
    assert bvalue(structure) == {"q": [3], "o": 4, "m": [2, 4, 6]}
    assert bvalue(5) == 5


def test_bvalue_waits_for_what_is_loaded_only(store):
    waiting, done = Task(abs, -1), Task(abs, -2)
    done.run()
    note = NoLoad(waiting)
    assert bvalue(note) is note and bvalue([note, 3]) == [note, 3] and bvalue([{"a": note}, done]) == [{"a": note}, 2]
    with pytest.raises(BarrierError):
        bvalue([note, waiting])


def test_bvalue_lets_errors_other_than_not_there_yet_through(store):
    pair = Task(divmod, 7, 2)
    pair.run()
    with pytest.raises(IndexError):
        bvalue(pair[5])


def test_a_result_that_is_removed_just_now_is_not_there_yet(store, monkeypatch):
    task = Task(double, 1)
    monkeypatch.setattr(type(store), "first_missing", lambda self, names: None)
    with pytest.raises(BarrierError):
        bvalue(task)


def test_without_a_store_the_message_says_what_to_do():
    task = Task(double, 1)
    for attempt in (barrier, lambda: bvalue(task)):
        with pytest.raises(NoStoreError, match="jug execute"):
            attempt()
