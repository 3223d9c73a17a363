"""What identifies the function of a tasklet that has no name."""

import os
import statistics
import subprocess
import sys
import threading
from functools import partial

import pytest

from jug import Task, TaskGenerator, Tasklet
from jug.hash import hash_one
from jug.task_parts import lambdas


def double(x):
    return 2 * x


@pytest.fixture(autouse=True)
def told_of_nothing():
    lambdas._warned_of.clear()


def capturing(what):
    return Tasklet(Task(double, 1), lambda v: (v, what))


def defaulting(what):
    return Tasklet(Task(double, 1), lambda v, w=what, *, k=what: (v, w, k))


def plus(n):
    return lambda x: x + n


def classes(n):
    class Local:
        def m(self):
            return n

    return Local


@pytest.mark.parametrize("make", [capturing, defaulting])
@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (1, 1, 1.0),
        (os, os, statistics),
        (plus(1), plus(1), plus(2)),
        ([plus(1)], [plus(1)], [plus(2)]),
        ({"a": (plus(1),)}, {"a": (plus(1),)}, {"a": (plus(2),)}),
        (partial(plus(1), 3), partial(plus(1), 3), partial(plus(2), 3)),
        (classes(1), classes(1), classes(2)),
        (double, double, plus),
        (Task(double, 1), Task(double, 1), Task(double, 2)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_captured_counts(make, one, same, other, capsys):
    assert hash_one(make(one)) == hash_one(make(same)) != hash_one(make(other))
    assert capsys.readouterr().err == ""


def test_what_has_no_hash_is_known_by_its_type_and_that_is_said_once(tmp_path, capsys):
    (tmp_path / "a").write_text("")
    with open(tmp_path / "a") as a, open(tmp_path / "a") as again, open(os.devnull) as other:
        assert hash_one(capturing(a)) == hash_one(capturing(again)) != hash_one(capturing(other))
    assert hash_one(capturing(threading.Lock())) == hash_one(capturing(threading.Lock()))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "TextIOWrapper, which cannot be hashed" in said[0] and "_thread.lock" in said[1]


def test_functions_that_use_each_other_have_a_hash():
    def pair(n):
        def even(x):
            return x == 0 or odd(x - n)

        def odd(x):
            return x != 0 and even(x - n)

        return Tasklet(Task(double, 1), even), Tasklet(Task(double, 1), odd)

    assert hash_one(pair(1)[0]) == hash_one(pair(1)[0]) != hash_one(pair(2)[0])
    assert hash_one(pair(1)[0]) != hash_one(pair(1)[1])


class Study:
    """An object that holds tasks and makes tasklets of them."""

    def __init__(self, factor):
        self.factor = factor
        self.data = decorated(3)

    def scaled(self):
        return Tasklet(self.data, lambda v: v * self.factor)


@TaskGenerator
def decorated(x):
    return x


def test_an_object_with_tasks_may_be_captured(capsys):
    assert hash_one(Study(1).scaled()) == hash_one(Study(1).scaled()) != hash_one(Study(2).scaled())
    assert capsys.readouterr().err == ""


def test_a_list_that_contains_itself_may_be_captured_by_nobody():
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match="contains itself"):
        hash_one(capturing(loop))


def test_a_variable_without_a_value_yet_is_no_trouble():
    def make():
        tasklet = Tasklet(Task(double, 1), lambda v: v + later)
        digest = hash_one(tasklet)
        later = 1
        return digest, later

    assert make()[0] == make()[0]


def test_it_is_the_same_in_every_process():
    code = """
        import jug, os
        from jug.hash import hash_one
        h = lambda v: v + 1
        t = jug.Task(abs, 1)
        def f(o, h): return jug.Tasklet(t, lambda v: (o.sep, h(v), "x" in {"x", "y"}))
        print(hash_one(f(os, h)))
    """.replace("\n        ", "\n")
    seen = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in "123"
    }
    assert len(seen) == 1
