"""The value of what holds tasks, where results may be missing."""

import pytest

from jug import Task, Tasklet, iteratetask, value
from jug.errors import NotFinishedError
from jug.hash import hash_one
from jug.io import NoLoad
from jug.mapreduce import map as jug_map
from jug.unsafe import NoHash
from jug.utils import CustomHash


def double(x):
    return 2 * x


def pair(x):
    return x, x + 1


@pytest.fixture
def there(store):
    task = Task(double, 21)
    task.run()
    task.unload()
    return task


@pytest.fixture
def lost(store):
    return Task(double, 4)


def test_without_it_a_missing_result_is_an_error(there, lost):
    for elem in (lost, [there, lost], {"a": (lost,)}, lost[0], NoHash(lost)):
        with pytest.raises(NotFinishedError, match=r"double has no result yet"):
            value(elem)


def test_each_missing_result_is_replaced_wherever_it_is(there, lost):
    assert value(lost, missing=None) is None and value(there, missing=None) == 42
    nested = [there, lost, {"a": (lost, there), "b": [[], "text", 1.5]}, ((lost,),)]
    assert value(nested, missing="?") == [42, "?", {"a": ("?", 42), "b": [[], "text", 1.5]}, (("?",),)]
    assert value((1, "a", {}), missing=0) == (1, "a", {}) and value([], missing=0) == []


def test_a_result_that_is_none_is_not_missing(store):
    task = Task(print)
    task.run()
    assert value([task, Task(print, 1)], missing="?") == [None, "?"]


def test_a_tasklet_that_needs_a_missing_result_is_missing(there, lost):
    called = []
    together = Tasklet([there, {"deep": (lost,)}], called.append)
    assert value([together, Tasklet(together, called.append)], missing=0) == [0, 0] and called == []
    first, second = iteratetask(Task(pair, 1), 2)
    assert value([first, second, there], missing=None) == [None, None, 42]
    assert value([Tasklet(there, str), Tasklet([there, there], sum)], missing=None) == ["42", 84]


def test_what_occurs_twice_lacks_its_result_twice(there, lost):
    shared = [there, lost]
    found = value([shared, Tasklet([shared], len), shared], missing=None)
    assert found == [[42, None], None, [42, None]] and found[0] is found[2]


def test_tasklets_that_share_and_chain_take_linear_time(lost):
    for _ in range(2000):
        lost = Tasklet([lost, lost], sum)
    assert value(lost, missing="?") == "?"


def test_what_has_a_value_of_its_own_is_missing_as_a_whole(there, lost):
    assert value([NoHash(lost), CustomHash([there, lost], hash_one)], missing=0) == [0, 0]
    assert value(NoHash(there), missing=0) == 42
    assert type(value(NoLoad(lost), missing=0)) is NoLoad


def test_each_element_of_a_map_is_there_or_not(store):
    mapped = jug_map(double, range(5), map_step=2)
    mapped.blocks[1].run()
    assert value(mapped, missing=None) == [None, None, 4, 6, None]
    assert value(mapped[1:4], missing=None) == [None, 4, 6]
    assert value([Tasklet(mapped, sum), Tasklet(mapped[1:4], sum)], missing=None) == [None, None]


def test_it_can_be_given_by_name_only(lost):
    with pytest.raises(TypeError):
        value(lost, None)


def test_a_task_of_value_has_the_name_that_it_had_in_2_7():
    assert Task(value, 1).name == "jug.task.value"
