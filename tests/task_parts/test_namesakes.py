"""Two functions of one name: one word about it, and none about the same function that was made again."""

import functools

import pytest
from processes import jug as command
from processes import write

import jug.task
from jug import CompoundTask, Task, TaskGenerator
from jug.errors import DebugCheckError
from jug.hashcheck.arguments import WatchedTasks
from jug.mapreduce import currymap, mapreduce
from jug.mapreduce import map as jug_map
from jug.task_parts.namesakes import difference


def define(source, number=1):
    """The function `f` of this source, at another line each time."""
    space = {"__name__": "somewhere", "functools": functools, "lru_cache": functools.lru_cache}
    exec(compile("\n" * number + source, "somewhere.py", "exec"), space)
    return space["f"]


def logged(f):
    @functools.wraps(f)
    def call(*args):
        return f(*args)

    return call


def unnamed(f):
    def call(*args):
        return f(*args)

    return call


def scaler(factor, power=1):
    def scale(x, to=power):
        return factor * x**to

    return scale


class A:
    @classmethod
    def make(cls, x):
        return cls, x

    @staticmethod
    def of(x):
        return x

    class Model:
        def __init__(self, x):
            self.x = x


class B(A):
    @staticmethod
    def of(x):
        return -x

    class Model:
        def __init__(self, x):
            self.x = -x


def times(n):
    def decorate(f):
        @functools.wraps(f)
        def call(*args):
            return n * f(*args)

        return call

    return decorate


def one(x):
    return x


def two(x):
    return -x


class Shifted:
    def __init__(self, n):
        self.n = n

    def shift(self, x):
        return x + self.n


OTHERS = {
    "code": (define("def f(x): return x"), define("def f(x): return x + 1", 5)),
    "type of a constant": (define("def f(x): return 1"), define("def f(x): return 1.0")),
    "inner function": (define("def f(x): return (lambda: 1)()"), define("def f(x): return (lambda: 2)()")),
    "closure": (scaler(2), scaler(3)),
    "type in a closure": (scaler(2), scaler(2.0)),
    "list in a closure": (scaler([2]), scaler([3])),
    "function in a closure": (scaler(one), scaler(two)),
    "defaults": (scaler(2, 1), scaler(2, 2)),
    "keyword defaults": (define("def f(*, x=1): return x"), define("def f(*, x=2): return x")),
    "number of defaults": (define("def f(x): return x"), define("def f(x=2): return x")),
    "lru_cache": (functools.lru_cache(scaler(2)), functools.lru_cache(scaler(3))),
    "nameless wrapper": (unnamed(one), unnamed(two)),
    "closure of a decorator": (times(2)(one), times(3)(one)),
    "closure of an inner decorator": (logged(times(2)(one)), functools.lru_cache(times(3)(one))),
    "the second of two decorators": (times(2)(times(2)(one)), times(2)(times(3)(one))),
    "class of a classmethod": (A.make, B.make),
    "staticmethods": (A.of, B.of),
    "classes": (A.Model, B.Model),
}
ALIKE = {
    "run again": (define("def f(x): return x"), define("def f(x): return x")),
    "at another line": (define("def f(x): return [y for y in x]"), define("def f(x): return [y for y in x]", 7)),
    "closure": (scaler(2), scaler(2)),
    "list in a closure": (scaler([2, {"a": 1}]), scaler([2, {"a": 1}])),
    "function in a closure": (scaler(scaler(2)), scaler(scaler(2))),
    "not comparable": (scaler(i for i in ()), scaler(i for i in ())),
    "tasks in a closure": (scaler(Task(one, 1)), scaler(Task(one, 1))),
    "lru_cache": (functools.lru_cache(one), functools.lru_cache(one)),
    "with and without a wrapper": (logged(one), one),
    "decorator with the same closure": (times(2)(one), times(2)(one)),
    "decorators in another order": (logged(times(2)(one)), times(2)(logged(one))),
    "wrapped twice": (logged(functools.lru_cache(one)), functools.lru_cache(maxsize=3)(logged(one))),
    "method": (B.make, B.make),
    "builtin": (sum, sum),
    "method and its function": (Shifted.shift, Shifted(1).shift),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_another_function_is_told_once(kind, capsys):
    first, second = OTHERS[kind]
    for argument in (1, 2):
        Task(first, argument), Task(second, argument), TaskGenerator(first)(argument)
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("jug: warning: '") and f".{first.__name__}' is the name of two functions, " in said
    assert said.count(".py:") == (1 if "made twice" in said else 2)
    assert "give the functions different names" in said


@pytest.mark.parametrize("kind", ALIKE)
def test_the_same_function_made_again_is_not(kind, capsys):
    for f in (*ALIKE[kind], *ALIKE[kind]):
        Task(f, 1)
    assert "two functions" not in capsys.readouterr().err and difference(*ALIKE[kind]) == ""


def test_recursive_functions_and_pairs_of_them_can_be_compared():
    def make(step):
        def even(x):
            return x == 0 or odd(x - step)

        def odd(x):
            return x != 0 and even(x - step)

        return even

    assert difference(make(1), make(1)) == "" != difference(make(1), make(2))


def test_the_message_names_what_was_captured(capsys):
    Task(scaler(2), 1), Task(scaler(3), 1)
    line = scaler.__code__.co_firstlineno + 1
    assert (
        f"made twice at {__file__}:{line}, with other captured variables (factor is 2, and 3)"
        in capsys.readouterr().err
    )


def test_names_are_told_even_if_no_arguments_coincide_yet(capsys):
    Task(scaler(2), 1), Task(scaler(3), 2)
    assert "two functions" in capsys.readouterr().err


def test_a_task_in_a_closure_can_still_be_given_another_name():
    inner = [Task(one, 1), Task(one, 1)]
    Task(scaler([inner[0]]), 1), Task(scaler([inner[1]]), 1)
    assert inner[0]._hash is None and inner[1]._hash is None


def test_compound_tasks_and_maps_are_told_too(capsys):
    CompoundTask(scaler(2), 1), CompoundTask(scaler(3), 1)
    assert "scale' is the name of two" in capsys.readouterr().err


def test_the_tasks_of_jug_itself_are_no_trouble(capsys):
    for f in (one, two):
        jug_map(f, [1, 2, 3], 2), currymap(f, [(1,), (2,)], 2), mapreduce(max, f, [1, 2, 3])
    assert capsys.readouterr().err == ""


def test_many_new_functions_are_compared_in_a_moment(capsys):
    for i in range(20_000):
        Task(scaler(2), i)
    assert capsys.readouterr().err == ""


def test_watched_tasks_refuse_it_or_are_told():
    jug.task.alltasks = WatchedTasks()
    Task(scaler(2), 1)
    with pytest.raises(DebugCheckError, match="scale' is the name of two functions"):
        Task(scaler(3), 1)
    told = []
    jug.task.alltasks = WatchedTasks(namesakes=told)
    Task(scaler(3), 1), Task(scaler(2), 1)
    assert len(told) == 1


GIVEN = """
import functools
from jug import TaskGenerator
from jug.mapreduce import map

@TaskGenerator
def f(x):
    return x

old = f

@TaskGenerator
def f(x):
    return x + 100

@TaskGenerator
def apply(g, x):
    return g.f(x)

first, second = {0}(old, {1}), {0}(f, {1})
"""


@pytest.mark.parametrize("call", [("map", [1, 2]), ("apply", 1)])
def test_functions_that_are_arguments_are_told_too(tmp_path, call):
    write(tmp_path, GIVEN.format(*call))
    done = command(tmp_path, "execute")
    assert done.code == 0 and done.err.count("'jugfile.f' is the name of two functions, at jugfile.py:6 and at") == 1
    assert "1 name that two functions have" in command(tmp_path, "check", "--hashes").out
    done = command(tmp_path, "execute", "--debug", "--jugdir", "other")
    assert done.code == 1 and "is the name of two functions" in done.err and "Traceback" not in done.err


JUGFILE = """
from jug import TaskGenerator, barrier

def scaler(factor):
    @TaskGenerator
    def scale(x):
        return factor * x
    return scale

a = scaler({0})(10)
barrier()
b = scaler({1})(10)
"""


def test_a_command_warns_and_debug_refuses(tmp_path):
    write(tmp_path, JUGFILE.format(2, 3))
    done = command(tmp_path, "execute", "--debug")
    assert done.code == 1 and "made twice at jugfile.py:5" in done.err and "Traceback" not in done.err
    done = command(tmp_path, "execute")
    assert done.code == 0 and done.err.count("jug: warning: 'jugfile.scale' is the name of two functions") == 1


def test_check_of_hashes_says_it(tmp_path):
    write(tmp_path, JUGFILE.format(2, 3).replace("barrier()\n", ""))
    done = command(tmp_path, "check", "--hashes")
    assert (done.code, done.err) == (1, "") and "factor is 2, and 3" in done.out
    assert done.out.endswith("2 tasks: 1 name that two functions have.\n")


AGAIN = """
from jug import TaskGenerator, barrier

def made(around):
    @TaskGenerator
    def f(x):
        return x
    return f

f = made(iter(()))
a = f(1)
barrier()
b = f(a)
"""


def test_a_jugfile_that_is_read_again_after_a_barrier_is_the_same(tmp_path):
    write(tmp_path, AGAIN)
    assert (command(tmp_path, "execute").code, command(tmp_path, "check", "--hashes").code) == (0, 0)
    done = command(tmp_path, "execute", "--debug", "--jugdir", "other")
    assert (done.code, "two functions" in done.err) == (0, False)


def test_reading_a_jugfile_again_in_a_notebook_is_no_redefinition(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        (tmp_path / "jugfile.py").write_text(f"import jug\ndef f(x): return {number}\na = jug.Task(f, 1)\n")
        jug.init("jugfile.py", "dict_store")
    assert capsys.readouterr().err == ""
