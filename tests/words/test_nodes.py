"""What jug looks inside, and in which order."""

import pytest

from jug import Task, Tasklet, value
from jug.errors import NotFinishedError
from jug.words import nodes


def f(*args, **kwargs):
    return args, kwargs


def g(x):
    return x


class Box:
    """A container of the user's own."""

    def __init__(self, content):
        self.content = content

    def __jug_dependencies__(self):
        return [self.content]

    def __jug_value__(self):
        return ("box of", value(self.content))


def test_tasks_are_found_in_lists_tuples_dict_values_and_boxes():
    a, b, c, d = (Task(g, i) for i in range(4))
    assert nodes.direct_tasks([[a], ({"k": b},), Box([c]), d[0]]) == [a, b, c, d]


def test_tasks_are_not_found_in_dict_keys_sets_and_other_objects():
    task = Task(g, 1)
    assert nodes.direct([{task: 1}, {task}, iter([task])]) == []


def test_each_node_is_found_once_in_order():
    a, b = Task(g, 1), Task(g, 2)
    assert nodes.direct([b, [a, b], {"k": a}]) == [b, a]


def test_direct_stops_at_tasklets_and_direct_tasks_goes_through_them():
    a, i = Task(g, [1]), Task(g, 0)
    item = a[i]
    assert nodes.direct([[item]]) == [item]
    assert nodes.direct_tasks([[item]]) == [a, i]
    assert list(item.dependencies()) == [a, i]


def test_a_task_hides_what_it_depends_on():
    a = Task(g, 1)
    assert nodes.direct_tasks([Task(g, a)]) != [a]
    (needed,) = Task(g, Task(g, a)).dependencies()
    assert needed.args == (a,)


def test_post_order_gives_each_node_once_after_what_it_needs():
    a = Task(g, 1)
    b, c = Task(g, [a, a]), Task(g, a[0])
    d = Task(f, b, k=c)
    order = list(nodes.post_order([d, b]))
    assert len(order) == len(set(map(id, order)))
    assert order.index(a) < min(order.index(b), order.index(c)) and order[-1] is d


def test_post_order_refuses_cycles():
    arguments = []
    task = Task(g, arguments)
    arguments.append(task)
    with pytest.raises(ValueError, match="depends on itself"):
        list(nodes.post_order([task]))


def test_value_replaces_tasks_wherever_they_are(store):
    a, b = Task(g, 1), Task(g, [10, 20])
    a.run()
    b.run()
    found = value({"list": [a, (b, b[a])], "box": Box([a]), "else": {7}, "lambda": Tasklet(b, lambda x: len(x))})
    assert found == {"list": [1, ([10, 20], 20)], "box": ("box of", [1]), "else": {7}, "lambda": 2}


def test_value_of_ordinary_objects_is_themselves():
    for obj in (None, 1, "text", {1}, object(), iter(())):
        assert value(obj) is obj


def test_value_copies_lists_and_dicts_but_keeps_which_are_one():
    shared = [1]
    data = {"a": shared, "b": shared}
    found = value(data)
    assert found == data and found is not data and found["a"] is not shared
    assert found["a"] is found["b"]


def test_value_leaves_subclasses_of_containers_alone():
    class Row(list):
        pass

    row = Row([1])
    assert value([row])[0] is row


def test_value_of_what_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        value(loop)


def test_value_computes_a_tasklet_once_however_often_it_occurs(store):
    calls = []
    a = Task(g, 3)
    a.run()
    item = Tasklet(a, lambda x: calls.append(x) or x)
    assert value([item, item, {"k": item}]) == [3, 3, {"k": 3}]
    assert calls == [3]


def test_value_of_an_unfinished_task_says_which(store):
    with pytest.raises(NotFinishedError, match=r"test_nodes\.g has no result"):
        value([Task(g, 1)])


def test_unload_all_forgets_everything_below(store):
    a = Task(g, 1)
    b = Task(g, a[0])
    a.adopt([5])
    b.adopt(5)
    nodes.unload_all([[b]])
    assert not a.is_loaded() and not b.is_loaded()
