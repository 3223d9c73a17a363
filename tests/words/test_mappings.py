"""Subclasses of dict: those that are looked through, and what becomes of them."""

import typing
from collections import Counter, OrderedDict, defaultdict

import pytest

from jug import Task, value
from jug.hash import UnhashableError, hash_one
from jug.task import describe
from jug.words import nodes

T = typing.TypeVar("T")


def double(x):
    return 2 * x


class Plain(dict):
    """Nothing of its own."""


class Generic(dict, typing.Generic[T]):
    pass


class Attributes(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class Ordered(OrderedDict):
    pass


class Named(defaultdict):
    def __init__(self, name):
        super().__init__(list)
        self.name = name


class SelfAttributes(dict):
    def __init__(self, **items):
        super().__init__(**items)
        self.__dict__ = self


class Doubled(dict):
    def __getitem__(self, key):
        return 2 * super().__getitem__(key)


def filled(obj, **items):
    obj.update(items)
    return obj


MAKERS = {
    "OrderedDict": OrderedDict,
    "defaultdict": lambda: defaultdict(list),
    "Counter": Counter,
    "Plain": Plain,
    "Generic": Generic,
    "Attributes": Attributes,
    "Ordered": Ordered,
    "Named": lambda: Named("n"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_tasks_in_it_are_dependencies_and_become_values(store, kind):
    a, b = Task(double, 1), Task(double, 2)
    task = Task(double, filled(MAKERS[kind](), x=a, y=[1, {"z": b}]))
    assert list(task.dependencies()) == [a, b] and not task.can_run()
    a.run(), b.run()
    got = value(task.args[0])
    assert got == {"x": 2, "y": [1, {"z": 4}]} and type(got) is type(task.args[0]) and task.can_run()


@pytest.mark.parametrize("kind", MAKERS)
def test_its_hash_depends_on_kind_keys_and_tasks(kind):
    def made(**items):
        return Task(double, filled(MAKERS[kind](), **items)).hash()

    a, b = Task(double, 1), Task(double, 2)
    assert made(x=a, y=b) == made(x=Task(double, 1), y=b)
    assert len({made(x=a), made(x=b), made(y=a), made(x=a, y=1), Task(double, {"x": a}).hash(), made(x=1)}) == 6
    others = [Task(double, filled(make(), x=a)).hash() for make in MAKERS.values()]
    assert len(set(others)) == len(MAKERS)


def test_order_counts_for_ordered_dicts_only():
    a = Task(double, 1)
    assert hash_one(OrderedDict(x=a, y=1)) != hash_one(OrderedDict(y=1, x=a))
    assert hash_one(defaultdict(int, x=a, y=1)) == hash_one(defaultdict(int, y=1, x=a))
    assert hash_one(defaultdict(int, x=a)) != hash_one(defaultdict(list, x=a))


def test_hashes_of_those_with_tasks_are_kept():
    a = Task(max, 1, 2)
    assert hash_one(OrderedDict(x=a, y=1)) == b"0a3a02ab463d33ea235bd8ea15eaf4741a2ea233"
    assert hash_one(defaultdict(list, x=[a])) == b"994fbe37da958b5677c6262d555d1cba37d742fe"


def test_order_and_default_and_attributes_are_kept(store):
    a = Task(double, 1)
    a.run()
    ordered = OrderedDict(x=a, y=1)
    ordered.move_to_end("x")
    assert list(value(ordered).items()) == [("y", 1), ("x", 2)]
    named = filled(Named("of this"), x=a)
    assert value(named)["other"] == [] and value(named).name == "of this" and "other" not in named


def test_a_function_that_changes_its_argument_does_not_change_the_task(store):
    task = Task(filled, OrderedDict(x=1), y=2)
    before = task.hash()
    assert task.run() == {"x": 1, "y": 2} and task.args == (OrderedDict(x=1),)
    task._hash = None
    assert task.hash() == before


@pytest.mark.parametrize("obj", [SelfAttributes(x=1), Doubled(x=1)], ids=repr)
def test_one_that_may_mean_something_else_is_left_alone(obj):
    assert nodes.value(obj) is obj and nodes.inside(obj) is None
    with pytest.raises(UnhashableError, match=f"inside a {type(obj).__name__}"):
        hash_one(filled(obj, y=Task(double, 1)))


def test_a_task_in_an_attribute_is_refused():
    named = Named(Task(double, 1))
    for items in ({}, {"x": 1}, {"x": Task(double, 2)}):
        with pytest.raises(UnhashableError, match="tasks inside a Named"):
            hash_one(filled(named, **items))


def test_nesting_has_no_limit(store):
    task = Task(double, 1)
    task.run()
    deep = task
    for _ in range(10_000):
        deep = OrderedDict(x=[deep])
    assert Task(double, deep).hash() and list(Task(double, deep).dependencies()) == [task]
    deep = value(deep)
    for _ in range(10_000):
        (deep,) = deep["x"]
    assert deep == 2


def test_one_that_contains_itself_is_refused():
    loop = OrderedDict(x=Task(double, 1))
    loop["self"] = loop
    with pytest.raises(UnhashableError, match="contains itself"):
        hash_one(loop)


def test_descriptions_show_the_tasks_in_it():
    described = describe(Task(double, OrderedDict(x=Task(double, 1))))
    assert described["args"] == [{"x": {"name": f"{__name__}.double", "args": [1]}}]
