import datetime
import decimal
import enum
import functools
import pathlib
import re
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
from optional import numpy as np

import jug.task
from jug import CompoundTaskGenerator, Task, TaskGenerator, Tasklet
from jug.errors import DebugCheckError
from jug.hash import stable_hash_one
from jug.hashcheck.arguments import CHANGED, Guard, WatchedTasks, changed, marks
from jug.hashcheck.roundtrip import EACH_TIME, FIRST_TIME, ROUND_TRIP, SHARING, UNHASHABLE
from jug.mapreduce import map as jug_map
from jug.unsafe import NoHash
from jug.utils import CustomHash
from jug.words.places import describe_place


def f(data, *more, x=None):
    return data


class Loaded:
    """Counts how often it was read back."""

    def __init__(self):
        self.a = 1

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.loaded = state.get("loaded", 0) + 1


class FilledIn:
    """Has an attribute more once it was looked at, or read back."""

    def __init__(self, value=1):
        self.value = value

    def __repr__(self):
        self.shown = True
        return "FilledIn"

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.shown = True


class ById:
    """Is pickled by its address."""

    def __reduce__(self):
        return _by_id, (id(self),)


def _by_id(_address):
    return ById()


class Counter:
    """Has another pickle each time."""

    n = 0

    def __getstate__(self):
        self.n += 1
        return {"n": self.n}


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


class Box:
    def __init__(self, inner):
        self.inner = inner


class Named:
    """The name of its attribute and the value are one string, until it was pickled and read back."""

    def __init__(self):
        self.kind = "kind"


class Color(enum.Enum):
    RED = 1


@dataclass(frozen=True)
class Point:
    x: int
    y: str = "a"


Pair = namedtuple("Pair", "a b")


def found(*args, **kwargs):
    """Place and reason of what is unstable in the arguments of a call of f."""
    return [(one.place, one.reason.partition(":")[0]) for one in Guard().unstable(Task(f, *args, **kwargs))]


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (found, "argument 'data'"),
        (lambda bad: found(1, 2, bad), "argument number 3"),
        (lambda bad: found(1, x=[1, {"table": (1, bad)}]), "argument 'x'[1]['table'][1]"),
        (lambda bad: found({(1, 2): bad}), "argument 'data'[(1, 2)]"),
        (lambda bad: found({bad: 1}), "argument 'data'{key}"),
        (lambda bad: found({bad, 1}), "argument 'data'{element}"),
        (lambda bad: found(frozenset([bad])), "argument 'data'{element}"),
        (lambda bad: found(np.array([[1, bad]], dtype=object)), "argument 'data'[1]"),
        (lambda bad: found(Box([1, Box(bad)])), "argument 'data'.inner[1].inner"),
        (lambda bad: found(Slotted(bad)), "argument 'data'.inner"),
        (lambda bad: found(Pair(1, bad)), "argument 'data'[1]"),
        (lambda bad: found(OrderedDict(k=bad)), "argument 'data'['k']"),
    ],
)
@pytest.mark.parametrize(("bad", "reason"), [(Loaded, ROUND_TRIP), (ById, ROUND_TRIP), (Counter, EACH_TIME)])
def test_the_innermost_unstable_part_is_named(call, place, bad, reason):
    assert call(bad()) == [(place, reason)]


def test_what_is_said_of_it():
    (one,) = Guard().unstable(Task(f, [0, Loaded()]))
    assert one.type == f"{__name__}.Loaded"
    assert one.kind_of_place == "argument 'data'[...]"
    assert str(one).startswith("argument 'data'[1] (<")
    assert str(one).endswith(
        f"of type {__name__}.Loaded) has another hash after it was pickled and read back: its .loaded is there only "
        "after that"
    )
    assert not one.is_harmless


def test_equal_strings_that_are_one_object_are_harmless():
    (one,) = Guard().unstable(Task(f, Named()))
    assert (one.place, one.reason, one.is_harmless) == ("argument 'data'", SHARING, True)


def masked():
    return np.ma.array([1, 2], mask=[False, True])


@pytest.mark.parametrize("make", [masked, FilledIn, lambda: np.ma.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])])
@pytest.mark.parametrize("wrap", [lambda obj: obj, Box, lambda obj: [Box([obj])], lambda obj: OrderedDict(a=obj)])
def test_what_differs_the_first_time_only_is_harmless(make, wrap):
    (one,) = Guard().unstable(Task(f, wrap(make())))
    assert one.is_harmless and one.reason.startswith((FIRST_TIME, SHARING))
    assert stable_hash_one(wrap(make()))


@pytest.mark.parametrize("make", [masked, FilledIn])
@pytest.mark.parametrize("is_watched", [False, True])
def test_debug_mode_lets_objects_fill_in_what_they_lack(store, make, is_watched):
    jug.task.alltasks = WatchedTasks() if is_watched else []
    thing = make()

    def show(x, other):
        return repr(x)

    first, second = Task(show, thing, [1]), Task(show, [thing], [2])
    assert first.hash() != second.hash()
    first.run(debug_mode=True)
    if is_watched:  # what it was is known
        second.run(debug_mode=True)


@pytest.mark.parametrize("make", [masked, FilledIn])
def test_debug_mode_sees_what_else_is_changed_in_them(store, make):
    def change(x):
        repr(x)
        if isinstance(x, FilledIn):
            x.value = 2
        else:
            x[0] = 5

    with pytest.raises(DebugCheckError, match=r"changed while it ran: .* \(argument 'x'\)$"):
        Task(change, make()).run(debug_mode=True)


STABLE = {
    "atoms": [1, 2.5, "a", b"b", None, True, 1j, float("nan")],
    "containers": [[], (), {}, {1, "a"}, frozenset("ab"), {"a": [1, ("b", {2})]}],
    "arrays": [np.arange(3), np.zeros((2, 2))[:, 0], np.array([1, "a", None], dtype=object), np.float64(1)],
    "library": [datetime.datetime(2020, 1, 2), decimal.Decimal("1.5"), pathlib.PurePath("/a/b"), re.compile("a+")],
    "classes": [Color.RED, Point(1), Pair(1, "b"), Box({"a", "b", "c"}), Box(float("nan")), Exception("x")],
    "callables": [f, len, Point, functools.partial(f, 1), np.sin, str.upper],
    "others": [range(5), slice(1, None), Ellipsis, NotImplemented, OrderedDict(a=1), bytearray(b"x")],
}


@pytest.mark.parametrize("kind", STABLE)
def test_what_is_stable(kind):
    for obj in STABLE[kind]:
        assert found(obj, x=[obj]) == [], obj


def test_estimators_and_frames_are_stable():
    polars = pytest.importorskip("polars")
    linear = pytest.importorskip("sklearn.linear_model")
    assert [one for one in Guard().unstable(Task(f, linear.LogisticRegression(C=2.0))) if not one.is_harmless] == []
    assert found(polars.DataFrame({"a": [1, 2]})) == []


def test_wrappers_of_jug_are_stable():
    assert found(NoHash(Loaded()), CustomHash(Loaded(), lambda obj: b"same"), TaskGenerator(f)) == []
    assert found(CustomHash([], lambda obj: str(id(obj)).encode())) == []  # whoever wrote it knows


def test_tasks_and_tasklets_are_passed_by():
    inner = Task(f, Loaded())
    assert found(inner, [inner, Tasklet(inner, len), inner[0]], jug_map(f, [inner, inner, inner])) == []


def test_a_task_with_an_identity_of_its_own_does_as_it_likes(store):
    @CompoundTaskGenerator
    def compound(x):
        return Task(f, Loaded())

    compound(1)
    assert [len(Guard().unstable(task)) for task in jug.task.alltasks] == [1, 0]


class Hashed:
    """An object with a hash of its own."""

    def __init__(self, digest):
        self.digest = digest

    def __jug_hash__(self):
        return self.digest(self)


def test_own_hashes_are_looked_at_as_well():
    assert found(Hashed(_constant)) == []
    assert found(Hashed(_address)) == [("argument 'data'", ROUND_TRIP)]
    assert found(Hashed(_counting)) == [("argument 'data'", EACH_TIME)]
    assert found(Hashed(lambda self: b"cannot be pickled")) == []


def _constant(_self):
    return b"a"


def _address(self):
    return str(id(self)).encode()


_numbers = iter(range(1000))


def _counting(_self):
    return str(next(_numbers)).encode()


class Strange:
    """Equal to nothing, and without mercy."""

    def __eq__(self, other):
        raise ZeroDivisionError

    __hash__ = None

    def __bool__(self):
        raise ZeroDivisionError

    def __repr__(self):
        raise ZeroDivisionError


class Unreadable:
    def __init__(self, path):
        self.path = path

    def __setstate__(self, state):
        raise OSError("gone")


class Raises:
    def __getstate__(self):
        raise OSError("no state")


def test_objects_that_do_not_help_do_no_harm():
    assert found(Strange(), Unreadable("x")) == []
    assert found(Raises(), x=[(i for i in "ab")]) == [("argument 'data'", UNHASHABLE), ("argument 'x'[0]", UNHASHABLE)]


def test_containers_that_contain_themselves_are_not_followed_for_ever():
    endless = [1]
    endless.append(endless)
    loop = Box(None)
    loop.inner = [loop, ById()]
    assert found(endless) == []
    assert len(found(loop)) == 1
    assert marks(Task(f, endless)) == marks(Task(f, endless))


def test_of_many_the_first_are_named():
    assert [place for place, _ in found([Loaded() for _ in range(1000)])] == [
        f"argument 'data'[{i}]" for i in range(10)
    ]


def test_deep_nesting_and_long_ways():
    deep = [Loaded()]
    for _ in range(20_000):
        deep = [deep, 1]
    ((place, reason),) = found(deep)
    assert reason == ROUND_TRIP
    assert place.startswith("argument 'data'[0][0]") and " ... " in place and len(place) < 200
    assert marks(Task(f, deep))


def test_what_many_tasks_share_is_looked_at_once():
    class Counted(list):
        """Counts how often it is pickled."""

        asked = 0

        def __reduce__(self):
            type(self).asked += 1
            return str, ("a",)

    counted = Counted()
    shared = [Loaded(), [counted]]
    guard = Guard()
    results = [guard.unstable(Task(f, i, shared)) for i in range(100)]
    assert {one.place for result in results for one in result} >= {"argument number 2[0]"}
    assert all(len(result) == len(results[0]) for result in results)
    assert Counted.asked < 20


def test_places():
    assert describe_place(f, 0, ()) == "argument 'data'"
    assert describe_place(len, 0, ()) == "argument number 1"
    assert describe_place(f, "x", [("item", "k" * 100), ("attribute", "y")]).endswith("'].y")


# Changed after the task was made


def test_changes_after_the_task_was_made_are_seen():
    tasks = jug.task.alltasks = WatchedTasks()
    numbers, table, same = [1], {"a": [1]}, [1]
    box = Box([])
    Task(f, numbers, table, same, x=box)
    assert tasks.changed(tasks[0]) == []
    numbers.append(2)
    table["a"].append(2)
    box.inner.append(2)
    changes = tasks.changed(tasks[0])
    assert [(one.place, one.reason) for one in changes] == [
        ("argument 'data'", CHANGED),
        ("argument number 2", CHANGED),
        ("argument 'x'", CHANGED),
    ]
    table["a"].pop()
    assert len(tasks.changed(tasks[0])) == 2


def test_the_order_in_which_a_dict_was_filled_is_no_change():
    tasks = jug.task.alltasks = WatchedTasks()
    table = {"a": 1, "b": 2}
    Task(f, table)
    table["a"] = table.pop("a")
    assert tasks.changed(tasks[0]) == []


def test_tasks_can_still_be_renamed_while_they_are_watched():
    jug.task.alltasks = WatchedTasks()
    inner = Task(f, [1])
    outer = Task(f, [inner, {inner}], {inner: 1})
    inner.name = "other"
    assert inner._hash is None
    renamed = Task(f, [1])
    renamed.name = "other"
    assert inner.hash() == renamed.hash()
    assert jug.task.alltasks.changed(outer) == []


def test_a_watched_list_is_a_list_and_forgets_what_is_cleared():
    tasks = jug.task.alltasks = WatchedTasks()
    Task(f, [1])
    assert len(tasks) == 1 and len(tasks._made) == 1
    del tasks[:]
    assert tasks == [] and tasks._made == {}


def test_marks_of_what_cannot_change_are_not_kept():
    assert marks(Task(f, 1, "a", x=Task(f, [1]))) == {}
    assert changed(Task(f, 1), {}) == []


# Under --debug


def test_debug_mode_refuses_unstable_arguments(store):
    with pytest.raises(DebugCheckError, match=r"^.*\.f: argument 'data'\[0\] .* has another hash after it was pickled"):
        Task(f, [Loaded()]).run(debug_mode=True)
    with pytest.raises(DebugCheckError, match=r"\(and 2 more\)\. The result of a task is found by the hash"):
        Task(f, [Loaded(), Loaded(), Loaded()]).run(debug_mode=True)
    assert isinstance(Task(f, [Loaded()]).run()[0], Loaded)
    assert isinstance(Task(f, [Named()]).run(debug_mode=True)[0], Named)  # harmless


def test_debug_mode_sees_a_list_that_was_changed_after_its_hash_was_known(store):
    numbers = [1]
    task = Task(f, numbers)
    task.hash()
    numbers.append(2)
    with pytest.raises(DebugCheckError, match="changed since it was first asked for: its arguments were changed"):
        task.run(debug_mode=True)


def test_debug_mode_sees_a_list_that_was_changed_before_if_tasks_are_watched(store):
    jug.task.alltasks = WatchedTasks()
    numbers = [1]
    task = Task(f, numbers)
    numbers.append(2)
    with pytest.raises(DebugCheckError, match=r"argument 'data' \(\[1, 2\], of type list\) was changed after"):
        task.run(debug_mode=True)


def test_debug_mode_names_the_argument_that_the_function_changed(store):
    def fill(box, other):
        box.inner.append(1)

    with pytest.raises(DebugCheckError, match=r"changed while it ran: .* \(argument 'box'\)$"):
        Task(fill, Box([]), [1]).run(debug_mode=True)
