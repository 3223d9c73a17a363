"""What tasks are called that apply functions which they are given, and that nothing else changes for that."""

import operator
from functools import partial
from types import SimpleNamespace

import pytest

from jug import CompoundTask, Task, TaskGenerator
from jug import mapreduce as mr
from jug.engine.graph import Graph
from jug.task_parts.naming import caption_of
from jug.unsafe import NoHash
from jug.utils import CustomHash, identity
from jug.words.matching import prepare_name_matcher, prepare_task_matcher
from jug.words.short import short_call

HERE = __name__


def score(x):
    return x


@TaskGenerator
def decorated(x):
    return x


def add(x, y):
    return x + y


class Model:
    """An object that can be called, and would answer for any attribute."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name

    def __call__(self, x):
        return x

    def __jug_hash__(self):
        return b"model"


@TaskGenerator
def make():
    return score


@pytest.mark.parametrize(
    ("mapper", "name"),
    [
        (score, f"{HERE}.score"),
        (decorated, f"{HERE}.decorated"),
        (partial(partial(add, 1)), f"{HERE}.add"),
        (operator.neg, "_operator.neg"),
        (str.upper, "builtins.upper"),
        (int, "builtins.int"),
        (Model(), f"{HERE}.Model"),
        (NoHash(partial(add, 2)), f"{HERE}.add"),
        (CustomHash(decorated, lambda f: b"constant"), f"{HERE}.decorated"),
    ],
)
def test_what_is_applied_is_in_the_caption_however_it_is_wrapped_up(mapper, name):
    (block,) = mr.map(mapper, range(3)).blocks
    assert caption_of(block) == f"jug.mapreduce._jug_map({name})" and block.name == "jug.mapreduce._jug_map"
    assert Graph([block]).selected(prepare_name_matcher(name.rpartition(".")[2])) == [0]
    assert Graph([block]).selected(prepare_name_matcher("other")) == []


def test_each_kind_of_task_of_mapreduce_tells_what_it_applies():
    whole = mr.mapreduce(add, score, range(9))
    first, second, _ = whole.dependencies()
    assert {caption_of(whole), caption_of(first), caption_of(second)} == {
        f"jug.mapreduce._jug_reduce({HERE}.add)",
        f"jug.mapreduce._jug_map_reduce({HERE}.add,{HERE}.score)",
    }
    assert caption_of(mr.reduce(add, range(3))) == f"jug.mapreduce._jug_map_reduce({HERE}.add)"
    assert caption_of(mr.reduce(add, range(9))) == f"jug.mapreduce._jug_reduce({HERE}.add)"
    assert caption_of(mr.currymap(add, [(1, 2)])[0].base) == f"jug.mapreduce._jug_map_curry({HERE}.add)"


def test_a_compound_is_found_by_the_same_name_before_and_after(store):
    def inner(x):
        return Task(score, x)

    before = CompoundTask(inner, 1)
    assert caption_of(before) == f"jug.compound.compound_task_execute({HERE}.inner)"
    for task in (before.args[0], before):
        task.run()
    after = CompoundTask(inner, 1)
    assert after.hash() == before.hash() and caption_of(after) == f"{HERE}.inner"
    for task in (before, after):
        assert prepare_name_matcher("inner")(caption_of(task)) and prepare_task_matcher("inner")(caption_of(task))


def test_a_function_that_is_a_result_is_no_part_of_the_caption():
    (block,) = mr.map(make(), [1]).blocks
    assert caption_of(block) == "jug.mapreduce._jug_map"
    assert caption_of(mr.reduce(NoHash(make()), [1, 2])) == "jug.mapreduce._jug_map_reduce"


def test_other_tasks_are_called_by_their_names():
    assert caption_of(Task(score, add)) == f"{HERE}.score" and caption_of(identity([1])) == "identity"
    assert caption_of(SimpleNamespace(name="m.f")) == "m.f" and caption_of(Task(Model.__call__, 1)).endswith("__call__")


def test_calls_show_functions_by_their_names():
    mapped = mr.map(decorated, range(2)).blocks[0]
    assert short_call(mapped.name, mapped.args, {}) == f"jug.mapreduce._jug_map({HERE}.decorated, range(0, 2))"
    assert short_call("f", [score], {"g": add}) == f"f({HERE}.score, g={HERE}.add)"
