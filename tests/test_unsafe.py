"""NoHash: a value that has no part in the hash."""

from jug import Task, value
from jug.unsafe import NoHash


def scaled(x, threads):
    return [x, threads]


def test_the_value_reaches_the_function_but_not_the_hash(store):
    one, many = Task(scaled, 5, NoHash(1)), Task(scaled, 5, threads=NoHash(8))
    assert Task(scaled, 5, NoHash(8)).hash() == one.hash() != Task(scaled, 6, NoHash(1)).hash()
    assert one.run() == [5, 1] and many.run() == [5, 8]
    assert value(NoHash([1])) == [1]


def test_tasks_inside_are_dependencies(store):
    inner = Task(len, "abc")
    task = Task(scaled, 5, NoHash(inner))
    assert list(task.dependencies()) == [inner] and not task.can_run()
    inner.run()
    assert task.run() == [5, 3]
