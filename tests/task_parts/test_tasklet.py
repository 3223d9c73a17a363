"""Tasklets are computed when needed and never stored."""

import copy
import pickle

import pytest

import jug.task
from jug import Task, Tasklet, value
from jug.errors import NotFinishedError
from jug.hash import hash_one


def pair(x):
    return [x, {"twice": 2 * x}]


@pytest.fixture
def task(store):
    task = Task(pair, 4)
    task.run()
    task.unload()
    return task


def test_value_is_computed_each_time(task):
    calls = []
    last = Tasklet(task, lambda x: calls.append(1) or x[-1])
    assert last.value() == value(last) == {"twice": 8}
    assert len(calls) == 2


def test_nothing_is_stored(task, store):
    names = set(store.list())
    assert task[1]["twice"].value() == 8
    assert set(store.list()) == names == {task.hash()}


def test_tasklets_are_not_in_alltasks(task):
    task[0]
    assert jug.task.alltasks == [task]


def test_can_load_says_whether_all_is_there(store):
    task, index = Task(pair, 4), Task(int, 1)
    item = task[index]["twice"]
    assert not item.can_load()
    with pytest.raises(NotFinishedError):
        item.value()
    task.run()
    assert not item.can_load()
    index.run()
    assert item.can_load() and item.value() == 8


def test_unload_forgets_the_results_below(task):
    user = Task(pair, task[0])
    user.run()
    user[0].unload()
    assert not user.is_loaded() and task.is_loaded()
    user[0].unload_recursive()
    assert not task.is_loaded()


def test_base_may_be_a_structure(task):
    assert Tasklet([task, {"k": task[0]}], len).value() == 2


def test_an_index_may_be_nested(task):
    assert task[Task(pair, 0)[0]].__class__ is Tasklet
    zero = Task(pair, 0)
    zero.run()
    assert task[zero[0]].value() == 4


def test_tasklets_are_pickled_without_their_hash(task):
    item = task[1]
    digest = hash_one(item)
    again = pickle.loads(pickle.dumps(item))
    assert hash_one(again) == digest and again.value() == item.value()
    assert hash_one(copy.copy(item)) == digest


def test_the_same_index_is_the_same_tasklet(task):
    assert hash_one(task[0]) == hash_one(task[0]) != hash_one(task[1])
    assert hash_one(task[1:2]) == hash_one(task[slice(1, 2)])


def test_errors_of_the_function_come_through(task):
    with pytest.raises(KeyError, match="nothing"):
        task[1]["nothing"].value()
