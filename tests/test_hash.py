"""Hashes that the reference could not give, and those that must not vary."""

import functools
import os
import pickle
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path
from textwrap import dedent

import pytest
from optional import numpy as np

from jug import Task, TaskGenerator, Tasklet
from jug.compound import CompoundTask
from jug.hash import UnhashableError, hash_one, hash_update, new_hash_object, stable_hash_one
from jug.task_parts.naming import hash_all

ROOT = Path(__file__).resolve().parent.parent


def double(x):
    return 2 * x


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class TellsItsParts(list):
    def __call__(self):
        return self


class Identified(Task):
    def __jug_hash__(self):
        return b"0" * 40


def test_hashes_of_many_tasks_are_those_of_each():
    def some():
        a, b = Task(double, 1), Task(double, "x", None, 2.5, True)
        renamed = Task(double, 1)
        renamed.name = "elsewhere.double"
        nested = Task(double, [a, {"k": b}])
        return [
            *(a, b, renamed, nested, Task(double), Task(double, k=1), Task(double, a, b, nested)),
            *(Task(double, Tasklet(double, (a,))), Task(double, *range(1100)), Identified(double, 3)),
            *(Task(double, Thing(x=1)), Task(double, Task(double, 5)), CompoundTask(double, 3)),
        ]

    tasks, alone = some(), some()
    others = hash_all(tasks, Task)
    assert [task.hash() for task in tasks] == [task.hash() for task in alone]
    atoms = {number for number in range(len(tasks)) if number not in others}
    assert atoms == {0, 1, 2, 4}
    assert hash_all(tasks, Task) == list(range(len(tasks)))  # of what is known nothing is looked at


class Tags(set):
    pass


Point = namedtuple("Point", "x y")


def in_processes(code, seeds=(0, 1, 2, 3)):
    """What the code prints in processes with different hash seeds."""
    outputs = set()
    for seed in seeds:
        env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", dedent(code)], env=env, capture_output=True, text=True, check=True, timeout=60
        )
        outputs.add(run.stdout)
    return outputs


@pytest.mark.parametrize(
    "args",
    [
        (),
        (1, True, 1.0, None, "text", b"bytes", 2j, 1 << 100, float("nan")),
        (Task(double, 3), 5, Task(double, Task(double, 4))),
        (Task(double, 3)[0], [1, 2], {"a": 1}, {1, 2}),
        tuple(range(1024)),
        tuple(range(1025)),
    ],
)
def test_the_hash_of_a_task_is_that_of_its_name_and_its_arguments(args):
    name = f"{__name__}.double".encode()
    whole = hash_update(new_hash_object(), [("name", name), ("args", args), ("kwargs", {})]).hexdigest().encode()
    assert Task(double, *args).hash() == whole
    for arg in args:
        hash_one(arg)  # from now on, the hashes of tasks and tasklets are known
    assert Task(double, *args).hash() == whole


def test_sets_inside_other_objects_hash_alike_in_all_processes():
    code = """
        import sys
        class Thing:
            def __init__(self, **attributes): self.__dict__.update(attributes)
        class Tags(set): pass
        from jug.hash import hash_one
        words = [f"word {i}" for i in range(50)]
        print(hash_one(Thing(words=set(words), more=[frozenset(words), {"k": {(w, 1) for w in words}}])))
        print(hash_one({1, "a", (2, "b"), None, frozenset(words), 2.5, b"x"}))
        print(hash_one(Thing(nested={frozenset({w, w + "!"}) for w in words})))
        print(hash_one(Tags(words)))
        print(hash_one([{w: set(words)} for w in words]))
    """
    outputs = in_processes(code)
    assert len(outputs) == 1
    assert len(set(outputs.pop().split())) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Thing(s={"a", "b"}), Thing(s={"a", "c"})),
        (Thing(s={"a", "b"}), Thing(s=frozenset({"a", "b"}))),
        ({1, "a"}, {1, "b"}),
        ({1}, frozenset({1})),
        (Tags("ab"), Tags("ac")),
        (Tags("ab"), set("ab")),
    ],
)
def test_different_sets_have_different_hashes(one, other):
    assert hash_one(one) != hash_one(other)


def test_sets_of_numbers_inside_objects_keep_the_hash_of_their_pickle():
    # Their order is the same in every process, so the reference hashed them stably already.
    digest = new_hash_object()
    thing = Thing(s={1, 8, 16}, t={(1, 2), (3, 4)}, u={frozenset({1, 2}), frozenset({3})})
    digest.update(pickle.dumps("hash1", 4))
    digest.update(pickle.dumps(thing, 4))
    assert hash_one(thing) == digest.hexdigest().encode()


def test_order_of_insertion_into_a_dict_does_not_matter():
    assert hash_one({"a": 1, "b": [2]}) == hash_one({"b": [2], "a": 1})
    assert Task(double, a=1, b=2).hash() == Task(double, b=2, a=1).hash()
    assert hash_one({"a": 1, "b": 2}) != hash_one({"a": 2, "b": 1})


@pytest.mark.parametrize("kind", ["datetime64[s]", "datetime64[D]", "timedelta64[ms]"])
def test_arrays_of_times_have_hashes(kind):
    times = np.arange(6).astype(kind)
    assert hash_one(times) == hash_one(times.copy()) == hash_one(times[:])
    assert hash_one(times) != hash_one(times[::-1])
    assert hash_one(times) != hash_one(np.arange(6))
    assert hash_one(times.reshape(2, 3)) != hash_one(times)


def test_structured_arrays_with_times_have_hashes():
    records = np.zeros(3, dtype=[("when", "M8[s]"), ("what", "i4")])
    before = hash_one(records)
    assert before == hash_one(records.copy())
    records["what"][1] = 1
    assert hash_one(records) != before


def test_layout_of_an_array_in_memory_does_not_matter():
    array = np.arange(24.0).reshape(4, 6)
    assert hash_one(np.asfortranarray(array)) == hash_one(array)
    wide = np.repeat(array, 2, axis=1)
    assert hash_one(wide[:, ::2]) == hash_one(array)
    assert hash_one(array.T) != hash_one(array)


def test_arrays_of_objects_hash_by_their_elements():
    assert hash_one(np.array([{"a"}, [1], None], dtype=object)) == hash_one(np.array([{"a"}, [1], None], dtype=object))
    assert hash_one(np.array([{"a"}, [1]], dtype=object)) != hash_one(np.array([{"a"}, [2]], dtype=object))


def test_numbers_that_are_equal_but_of_other_types_differ():
    assert len({hash_one(x) for x in (1, 1.0, True, np.int64(1), "1", b"1", (1,), [1])}) == 8


def test_hash_update_adds_to_a_hash_object():
    M = new_hash_object()
    assert hash_update(M, [("hash1", [1, 2])]) is M
    assert M.hexdigest().encode() == hash_one([1, 2])


def test_jug_hash_of_an_object_is_used():
    class Known:
        def __jug_hash__(self):
            return b"known"

    assert hash_one([Known()]) == hash_one([Known()])
    assert hash_one(Known()) == hash_update(new_hash_object(), [("hash1", Known())]).hexdigest().encode()


@pytest.mark.parametrize("make", [list, dict])
def test_a_container_that_contains_itself_is_refused(make):
    loop = make()
    if make is list:
        loop.append(loop)
    else:
        loop["self"] = loop
    with pytest.raises(UnhashableError, match="contains itself"):
        Task(double, loop).hash()


def test_a_task_among_its_own_arguments_is_refused():
    arguments = []
    task = Task(double, arguments)
    arguments.append(task)
    with pytest.raises(ValueError, match="depends on itself"):
        task.hash()
    arguments.clear()
    assert task.hash() == Task(double, []).hash()


def test_a_task_in_a_namedtuple_is_refused():
    with pytest.raises(TypeError, match=r"double.*inside a Point.*namedtuple.*plain list, tuple or dict"):
        Task(double, Point(Task(double, 1), 2)).hash()


def test_a_task_in_a_subclass_of_list_is_refused_however_deep():
    class Row(list):
        pass

    with pytest.raises(TypeError, match="inside a Row"):
        Task(double, {"rows": [Row([{"deep": Task(double, 1)}])]}).hash()


def test_a_namedtuple_without_tasks_is_fine():
    assert hash_one(Point(1, 2)) == hash_one(Point(1, 2)) != hash_one(Point(2, 1))


@pytest.mark.parametrize("argument", [threading.Lock(), lambda x: x, (i for i in ()), memoryview(b"x")])
def test_an_argument_that_cannot_be_pickled_is_refused_with_the_name_of_the_task(argument):
    with pytest.raises(UnhashableError, match=rf"Task .*double\(...\).*type .*{type(argument).__name__}"):
        Task(double, [argument]).hash()


def test_the_innermost_task_is_blamed_for_an_argument():
    inner = Task(double, threading.Lock())
    inner.name = "inner_name"
    outer = Task(double, [inner])
    with pytest.raises(UnhashableError, match="inner_name") as caught:
        outer.hash()
    assert "double" not in str(caught.value)


def test_a_failed_hash_can_be_tried_again():
    arguments = [threading.Lock()]
    task = Task(double, arguments)
    for _ in range(2):
        with pytest.raises(UnhashableError):
            task.hash()
    arguments[0] = 1
    assert task.hash() == Task(double, [1]).hash()


def test_partials_hash_like_the_plain_call():
    partial = functools.partial(functools.partial(double, 1, a=2), 3, b=4)
    task = Task(partial, 5, b=6)
    assert (task.args, task.kwargs) == ((1, 3, 5), {"a": 2, "b": 6})
    assert task.hash() == Task(double, 1, 3, 5, a=2, b=6).hash()


def test_lambdas_in_tasklets_hash_by_what_they_do():
    task = Task(double, 1)

    def plus(n):
        return Tasklet(task, lambda x: x + n)

    assert hash_one(plus(1)) == hash_one(plus(1)) != hash_one(plus(2))
    assert hash_one(Tasklet(task, lambda x: x + 1)) != hash_one(Tasklet(task, lambda x: x - 1))
    assert hash_one(Tasklet(task, lambda x, y=1: x)) != hash_one(Tasklet(task, lambda x, y=2: x))


def test_lambdas_may_use_other_local_functions_and_themselves():
    def make(step):
        def helper(x):
            return x + step

        def itself(x):
            return itself(x - 1) if x else helper(x)

        return Tasklet(Task(double, 1), itself)

    assert hash_one(make(1)) == hash_one(make(1)) != hash_one(make(2))


def test_objects_that_hold_tasklets_hash_alike_before_and_after_these_are_hashed():
    tasklet = Task(double, 1)[0]
    thing = Thing(part=tasklet, __jug_dependencies__=TellsItsParts([tasklet]))
    before = hash_one(thing)
    hash_one(tasklet)
    assert hash_one(thing) == before


def test_stable_hash_refuses_what_changes_in_a_copy():
    class_of_its_own = type("Moody", (), {"__module__": __name__, "__reduce__": lambda self: (make_moody, (id(self),))})
    with pytest.raises(UnhashableError, match="Moody.*__jug_hash__"):
        stable_hash_one(class_of_its_own())


def make_moody(_):
    return type("Moody", (), {"__module__": __name__, "__reduce__": lambda self: (make_moody, (id(self),))})()


def test_stable_hash_trusts_a_jug_hash_of_the_class():
    class Connection:
        lock = threading.Lock()

        def __init__(self):
            self.handle = threading.Lock()

        def __jug_hash__(self):
            return b"connection"

    assert stable_hash_one(Connection()) == hash_one(Connection())


def test_hashing_does_not_import_numpy():
    code = """
        import sys, jug, jug.mapreduce, jug.io, jug.utils, jug.unsafe
        from jug.hash import hash_one
        class Odd: pass
        hash_one([1, {"a": (2.5, {"x"})}, frozenset({"y"}), Odd(), len])
        jug.Task(len, [Odd()]).hash()
        print("numpy" in sys.modules)
    """
    assert in_processes(code, seeds=[0]) == {"False\n"}


def test_objects_with_tasks_in_their_methods_hash_alike_in_all_processes(tmp_path, monkeypatch):
    (tmp_path / "models.py").write_text(
        dedent("""
        from jug import TaskGenerator
        class Model:
            def __init__(self):
                self.features = {f"feature {i}" for i in range(30)}
            @TaskGenerator
            def fit(self, x):
                return len(self.features) + x
        """)
    )
    code = f"""
        import sys; sys.path.insert(0, {str(tmp_path)!r})
        from models import Model
        print(Model().fit(1).hash(), Model().fit(1).name)
    """
    (output,) = in_processes(code)
    assert output.split()[1] == "models.fit"


@TaskGenerator
def shared(x):
    return x


def test_a_task_generator_is_hashed_by_where_it_is_found():
    assert hash_one(shared) == hash_one(TaskGenerator(shared.f)) != hash_one(double)
