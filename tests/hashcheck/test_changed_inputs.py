"""Under --debug: results of other tasks are not changed in place."""

import functools
from types import SimpleNamespace

import pytest
from optional import numpy as np
from processes import jug, python, write

from jug import CompoundTask, Task, TaskGenerator, Tasklet, iteratetask
from jug.errors import DebugCheckError
from jug.io import NoLoad
from jug.mapreduce import map as jug_map


class Table:
    """An object with a cache, and with something that is another one each time that it is pickled."""

    pickled = 0

    def __init__(self, columns):
        self.columns = columns

    @functools.cached_property
    def width(self):
        return len(self.columns)


class Restless(Table):
    def __getstate__(self):
        self.pickled += 1
        return vars(self).copy()


def make(kind):
    return {
        "list": lambda: [3, 1, 2],
        "array": lambda: np.arange(3.0),
        "dict": lambda: {"a": [1], "b": {2}},
        "set": lambda: {"a", "b"},
        "object": lambda: Table([1, 2]),
        "nested": lambda: ([1, [2]], np.array([[1], None], dtype=object)),
        "masked": lambda: np.ma.array([1, 2], mask=[False, True]),
        "restless": lambda: Restless([1]),
        "strings": lambda: SimpleNamespace(a="kind", kind="x"),
    }[kind]()


def change(x, *more, key=None):
    if isinstance(x, (list, np.ndarray)):
        x[0] = 7
    elif isinstance(x, dict):
        x["a"].append(1)
    elif isinstance(x, set):
        x.add("c")
    elif isinstance(x, tuple):
        x[1][0].append(5)
    elif isinstance(x, SimpleNamespace):
        x.kind = "y"
    else:
        x.columns.append(1)
    return 1


def look(x, *more):
    return repr(x), getattr(x, "width", None)


def change_inside(x, key=None):
    change(x[0]["k"] if isinstance(x, list) else key["k"][1])


def change_twice(x, y):
    change(x)
    change(y)


KINDS = ["list", "array", "dict", "set", "object", "nested", "masked", "strings"]


def made(kind):
    task = Task(make, kind)
    task.run()
    return task


def written(value):
    """As `repr`; a set that was read back may be in another order."""
    return repr(sorted(value) if isinstance(value, set) else value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_loaded", [True, False])
def test_a_changed_result_is_found(store, kind, is_loaded):
    data = made(kind)
    before = written(data.value())
    if not is_loaded:
        data.unload()
    with pytest.raises(DebugCheckError) as raised:
        Task(change, data).run(debug_mode=True)
    said = str(raised.value)
    assert said.startswith(f"{__name__}.change changed the result of {__name__}.make while it ran, which it was given ")
    assert "as argument 'x': " in said
    assert "object" in kind or written(data.value()) == before  # whoever comes next gets it as it is stored


@pytest.mark.parametrize("kind", [*KINDS, "restless"])
def test_what_only_looks_is_let_alone(store, kind):
    data = made(kind)
    for _ in range(3):
        Task(look, data).run(debug_mode=True)
        data.unload()


PLACES = [
    (lambda t: Task(change_inside, [{"k": t}]), "argument 'x'[0]['k']"),
    (lambda t: Task(change_inside, 1, key={"k": (1, t)}), "argument 'key'['k'][1]"),
    (lambda t: Task(change, Tasklet(t, list)[1]), "argument 'x'"),
    (lambda t: Task(change, t[1]), "argument 'x'"),
    (lambda t: Task(change, iteratetask(t, 2)[1]), "argument 'x'"),
    (lambda t: Task(change, Tasklet(t, lambda x: x[1])), "argument 'x'"),
]


@pytest.mark.parametrize(("call", "place"), PLACES)
def test_the_place_is_named_wherever_it_is(store, call, place):
    data = Task(nested_lists)
    data.run()
    with pytest.raises(DebugCheckError, match="changed the result of") as raised:
        call(data).run(debug_mode=True)
    assert f"which it was given as {place}: " in str(raised.value)


def nested_lists():
    return [[1], [2]]


def test_results_of_a_map_are_looked_at(store):
    pieces = jug_map(double, [[1], [2], [3]], map_step=2)
    for block in pieces.blocks:
        block.run()
    with pytest.raises(DebugCheckError, match=r"changed the result of jug\.mapreduce\._jug_map"):
        Task(change_first, pieces).run(debug_mode=True)


def double(x):
    return x * 2


def change_first(x):
    x[0].append(1)


def test_several_changed_results_are_counted(store):
    with pytest.raises(DebugCheckError, match=r"the result of .*\.make \(and those of 1 more task\) while"):
        Task(change_twice, made("list"), made("dict")).run(debug_mode=True)


def test_the_inner_task_of_a_compound_is_looked_at(store):
    data = made("list")
    compound = CompoundTask(Task, TaskGenerator(change).f, data)
    with pytest.raises(DebugCheckError, match="changed the result of"):
        compound.args[0].run(debug_mode=True)


def test_what_is_not_loaded_is_not_looked_at(store):
    data = made("list")
    data.unload()
    Task(look, NoLoad(data)).run(debug_mode=True)
    assert not data.is_loaded()


def test_tasks_that_share_a_result_get_it_as_it_is_stored(tmp_path):
    write(
        tmp_path,
        """
        from jug import TaskGenerator, value

        @TaskGenerator
        def load():
            return [3, 1, 2]

        @TaskGenerator
        def same(values):
            return values

        @TaskGenerator
        def median(values):
            values.sort()
            return values[1]

        @TaskGenerator
        def first(values, other):
            return values[0], other[0]

        data = load()
        copy = same(load())
        m = median(copy)
        f = [first(data, copy), first(load(), same(data))]
        """,
    )
    done = jug(tmp_path, "execute", "--debug", "--keep-going", "--short")
    assert done.code == 1
    assert "jugfile.median changed the result of jugfile.same while it ran, which it was given as " in done.err
    assert "Traceback" not in done.err
    script = "import jug; s, j = jug.init('jugfile.py', 'jugfile.jugdata'); print(jug.value(j['f']), j['m'].can_load())"
    assert python(tmp_path, "-c", script).out == "[(3, 3), (3, 3)] False\n"


def test_another_order_of_a_dict_is_found(store):
    data = Task(dict, [("b", 1), ("a", 2)])
    data.run()
    with pytest.raises(DebugCheckError, match="changed the result of"):
        Task(move_first, data).run(debug_mode=True)


def move_first(x):
    first = next(iter(x))
    x[first] = x.pop(first)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_changed_before_the_task_is_found(store, kind):
    data = made(kind)
    before = written(data.value())
    data.unload()
    change(data.value())
    with pytest.raises(DebugCheckError) as raised:
        Task(look, 1, [data]).run(debug_mode=True)
    said = str(raised.value)
    assert said.startswith(f"The result of {__name__}.make in memory, given to {__name__}.look as ")
    assert "is not the one in the store" in said
    assert "object" in kind or written(data.value()) == before
    Task(look, 1, [data]).run(debug_mode=True)


CHANGERS = {
    "jugfile": "v = bvalue(data); v.sort()",
    "hook": "hooks.register_hook('execute.task-executed1', lambda t: t is data and t.value().sort())",
}


@pytest.mark.parametrize("who", CHANGERS)
def test_whoever_changes_a_loaded_result_is_found(tmp_path, who):
    write(
        tmp_path,
        f"""
        from jug import TaskGenerator, bvalue, hooks

        @TaskGenerator
        def load():
            return [3, 1, 2]

        @TaskGenerator
        def first(values):
            return values[0]

        data = load()
        {CHANGERS[who]}
        f = first(data)
        """,
    )
    done = jug(tmp_path, "execute", "--debug", "--short")
    assert done.code == 1
    assert "The result of jugfile.load in memory, given to jugfile.first as argument 'values', is not" in done.err
