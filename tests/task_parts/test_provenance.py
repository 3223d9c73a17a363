"""Where a result comes from."""

import json
import random

from jug import Task
from jug.task import describe, recursive_dependencies, topological_sort


def f(*args, **kwargs):
    return args, kwargs


def chain(n):
    tasks = [Task(f, 0)]
    for _ in range(n - 1):
        tasks.append(Task(f, tasks[-1]))
    return tasks


def test_recursive_dependencies_are_all_tasks_below_nearest_first():
    a, b, c, d = chain(4)
    assert list(recursive_dependencies(d)) == [c, b, a]
    assert list(recursive_dependencies(d, 2)) == [c, b]
    assert list(recursive_dependencies(d, 0)) == []
    assert list(recursive_dependencies(d[0])) == [d, c, b, a]


def test_no_level_and_a_negative_one_are_no_limit():
    a = Task(abs, -1)
    c = Task(abs, Task(abs, a))
    assert [len(list(recursive_dependencies(c, max_level=level))) for level in (None, -1, -2, 0, 1, 2)] == [
        2,
        2,
        2,
        0,
        1,
        2,
    ]


def test_recursive_dependencies_give_each_task_once():
    a = Task(f, 0)
    b, c = Task(f, a), Task(f, a[0])
    assert list(recursive_dependencies(Task(f, [b, c, a]))) == [b, c, a]


def test_topological_sort_puts_dependencies_first():
    tasks = chain(20)
    shuffled = tasks[:]
    random.Random(1).shuffle(shuffled)
    assert topological_sort(shuffled) is None
    assert shuffled == tasks


def test_topological_sort_goes_through_tasks_that_are_not_in_the_list():
    a, _, _, d = chain(4)
    some = [d, a]
    topological_sort(some)
    assert some == [a, d]


def test_describe_says_how_it_was_made():
    a = Task(f, 1)
    b = Task(f, a, [a[0], 2.5], k={"x": (a,)})
    of_a = {"name": f"{__name__}.f", "args": [1]}
    item = {"name": "tasklet", "operation": "jug.task._getitem(0)", "base": of_a}
    assert describe(b) == {"name": f"{__name__}.f", "args": [of_a, [item, 2.5]], "kwargs": {"k": {"x": (of_a,)}}}
    json.dumps(describe(b))


def test_describe_tells_about_stored_results(store, monkeypatch):
    monkeypatch.setattr(type(store), "metadata", lambda self, t: {"computed": self.can_load(t.hash())})
    a = Task(f, 1)
    a.run()
    assert describe(a)["meta"] == {"computed": True}


def test_describe_of_a_lattice_shares_descriptions():
    left = right = Task(f, 0)
    for _ in range(200):
        left, right = Task(f, left, right), Task(f, right, left, k=1)
    description = describe(left)
    assert description["args"][0]["args"][1] is description["args"][1]["args"][0]
