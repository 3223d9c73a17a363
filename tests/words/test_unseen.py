"""Tasks in arguments where jug does not look: each is refused, with its place; pickling tasks elsewhere goes on."""

import copy
import pickle
import threading
from collections import OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest
from optional import numpy as np
from processes import jug, write

from jug import Task, TaskGenerator, iteratetask
from jug.hash import UnhashableError, hash_one, stable_hash_one
from jug.utils import CustomHash
from jug.words import nodes
from jug.words.unseen import NodeInside, pickling_refused


def double(x):
    return 2 * x


def use(*args, **kwargs):
    return args, kwargs


@TaskGenerator
def decorated():
    return 1


@dataclass
class Config:
    data: object


class Slotted:
    __slots__ = ("data",)

    def __init__(self, data):
        self.data = data


class Lowered(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key.lower(), value)


class Tags(set):
    pass


Pair = namedtuple("Pair", "a b")
HIDING_PLACES = {
    "set": lambda t: {t},
    "frozenset": lambda t: frozenset([t]),
    "Tags": lambda t: Tags([t]),
    "dict": lambda t: {t: 1},
    "deque": lambda t: deque([t]),
    "Pair": lambda t: Pair(1, t),
    "Config": Config,
    "Slotted": Slotted,
    "SimpleNamespace": lambda t: SimpleNamespace(data=t),
    "partial": lambda t: partial(double, t),
    "UserList": lambda t: UserList([t]),
    "UserDict": lambda t: UserDict(a=t),
    "Lowered": lambda t: Lowered(a=t),
    "iteratetask": lambda t: iteratetask(t, 2),
    "ndarray": lambda t: np.array([t, None], dtype=object),
}


@pytest.mark.parametrize("kind", HIDING_PLACES)
@pytest.mark.parametrize("make", [lambda: Task(double, 1), decorated, lambda: Task(double, [1])[0]])
def test_a_task_in_there_is_refused_with_its_place(kind, make):
    hidden = HIDING_PLACES[kind](make())
    inside = rf"There are tasks inside .*\b{kind}, where jug does not look"
    with pytest.raises(UnhashableError, match=rf"Task .*use\(...\): argument number 2: {inside}"):
        Task(use, 1, hidden).hash()
    with pytest.raises(UnhashableError, match=rf"argument 'x'\[0\]\['a'\]\[1\]: {inside}"):
        Task(double, x=[{"a": (1, hidden), "b": 2}]).hash()
    with pytest.raises(UnhashableError, match=f"^{inside}"):
        hash_one(hidden)


@pytest.mark.parametrize("kind", HIDING_PLACES)
def test_without_a_task_such_an_argument_is_fine(kind):
    assert Task(use, HIDING_PLACES[kind](7)).hash() == Task(use, HIDING_PLACES[kind](7)).hash()


def test_a_list_of_tasks_in_a_tuple_in_a_set_is_found_too():
    with pytest.raises(UnhashableError, match="inside a set"):
        Task(double, {(1, (Task(double, 1),))}).hash()


def test_what_is_looked_through_is_not_blamed_for_what_is_inside():
    with pytest.raises(UnhashableError, match=r"'x'\['a'\]\[0\]: There are tasks inside a deque"):
        Task(double, OrderedDict(a=[deque([Task(double, 1)])])).hash()
    with pytest.raises(UnhashableError, match=r"'x'\['a'\]: There are tasks inside a set"):
        Task(double, defaultdict(list, a={Task(double, 1)})).hash()


def test_a_local_class_with_a_task_is_told_of_the_task():
    class Local(SimpleNamespace):
        pass

    with pytest.raises(UnhashableError, match="tasks inside a Local"):
        Task(double, Local(a=Task(double, 1))).hash()


def test_no_depth_is_too_deep():
    deep = Task(double, 1)
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(UnhashableError, match="tasks inside a set"):
        Task(double, {(1,): deep, "b": {(Task(double, 2),)}}).hash()
    with pytest.raises(UnhashableError, match="tasks inside a UserList"):
        Task(double, UserList([deep])).hash()


def test_an_object_that_tells_its_dependencies_is_not_refused():
    class_of_boxes = Box(Task(double, 1))
    assert Task(double, class_of_boxes).hash() == Task(double, Box(Task(double, 1))).hash()
    with pytest.raises(UnhashableError, match="inside a Config"):  # nobody asks the box in there
        Task(double, Config(class_of_boxes)).hash()


class Box:
    def __init__(self, content):
        self.content = content

    def __jug_dependencies__(self):
        return [self.content]


def test_an_object_with_a_hash_of_its_own_is_its_authors_business():
    hidden = CustomHash(Config(Task(double, 1)), lambda config: b"mine")
    assert hash_one([hidden]) == hash_one([hidden])


def test_a_method_of_an_object_with_a_task_is_refused():
    with pytest.raises(UnhashableError, match="inside a Config"):
        stable_hash_one(Config(Task(double, 1)))


def test_other_errors_of_pickling_keep_their_message():
    with pytest.raises(UnhashableError, match=r"type .*Config cannot be hashed, because it cannot be pickled: .*lock"):
        Task(double, Config(threading.Lock())).hash()


def test_tasks_are_pickled_and_copied_as_always():
    task = Task(double, [Task(double, 1), Task(double, 2)[0]])
    for again in (pickle.loads(pickle.dumps({task: Config(task)})).popitem()[1].data, copy.deepcopy(task)):
        assert again.hash() == task.hash()


def test_only_the_thread_that_hashes_cannot_pickle_tasks():
    done = []
    other = threading.Thread(target=lambda: done.append(pickle.dumps(Task(double, 1))))
    with pickling_refused():
        other.start()
        other.join()
        with pytest.raises(NodeInside):
            pickle.dumps(Task(double, 1))
    assert done and pickle.dumps(Task(double, 1))


def test_an_object_may_pickle_tasks_for_itself_after_it_was_asked():
    with pickling_refused(), pickling_refused():
        pass
    assert pickle.dumps(Task(double, 1))


def test_proxies_and_instances_have_the_methods_too():
    inner = Task(double, 1)
    thing, function = SimpleNamespace(), lambda: None
    for obj in (thing, function):
        obj.__jug_hash__ = lambda: b"mine"
        obj.__jug_value__ = lambda: 42
        obj.__jug_dependencies__ = lambda: [inner]
        assert nodes.value([obj]) == [42] and list(Task(double, obj).dependencies()) == [inner]
        assert Task(double, obj).hash() == Task(double, CustomHash(0, lambda _: b"mine")).hash()
        assert hash_one(Forwarding(obj)) == hash_one(obj) and nodes.value(Forwarding(obj)) == 42


class Forwarding:
    def __init__(self, inner):
        self.__dict__["inner"] = inner

    def __getattr__(self, name):
        return getattr(self.__dict__["inner"], name)


def test_a_class_and_an_object_that_answers_anything_do_not_have_them():
    class Anything:
        def __getattr__(self, name):
            return None

    anything = Anything()
    assert nodes.value(anything) is anything and nodes.direct([anything, Box, Forwarding]) == []
    assert hash_one(Box) == hash_one(Box) != hash_one(Forwarding)
    assert nodes.value(CustomHash) is CustomHash


class Meta(type):
    def __jug_hash__(cls):
        return b"m" * 40


class OfTheClass:
    @classmethod
    def __jug_hash__(cls):
        return b"c" * 40

    @classmethod
    def __jug_value__(cls):
        return 7


class Static:
    @staticmethod
    def __jug_hash__():
        return b"s" * 40


def test_a_class_has_the_methods_that_are_its_own():
    derived = type("Derived", (OfTheClass,), {})
    for kind, letter in ((OfTheClass, "c"), (derived, "c"), (Static, "s"), (Meta("M", (), {}), "m")):
        assert hash_one(kind) == hash_one(CustomHash(0, lambda _, letter=letter: letter.encode() * 40))
    assert hash_one(OfTheClass) == b"f7dc3bc37caab61c603f27d7801b428b1d09d1fa"  # as by 2.7
    assert nodes.value([OfTheClass, Static]) == [7, Static]


JUGFILE = """
from collections import deque
from jug import TaskGenerator

@TaskGenerator
def one():
    return 1

@TaskGenerator
def use(data, more=None):
    return data

use([one()], {0})
"""


@pytest.mark.parametrize("argument", ["deque([one()])", "{one()}", "{one(): 1}"])
def test_commands_refuse_such_a_task_in_one_sentence(tmp_path, argument):
    write(tmp_path, JUGFILE.replace("{0}", argument))
    done = jug(tmp_path, "execute")
    assert done.code != 0 and done.err.count("\n") == 1
    assert "jug: Task jugfile.use(...): argument 'more': There are tasks inside" in done.err
    done = jug(tmp_path, "check", "--hashes")
    assert done.code == 1 and "argument 'more'" in done.out and "where jug does not look" in done.out
