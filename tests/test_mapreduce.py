"""map and reduce give what the built-in functions give."""

import functools
import operator

import pytest

import jug.task
from jug import Task, TaskGenerator, value
from jug import mapreduce as mr
from jug.hash import hash_one


def square(x):
    return x * x


def power(x, y):
    return x**y


@TaskGenerator
def cube(x):
    return x**3


@TaskGenerator
def plus(x, y):
    return x + y


def run_all():
    for task in list(jug.task.alltasks):
        if not task.can_load():
            task.run()


@pytest.mark.parametrize("n", [1, 2, 4, 5, 33, 100])
@pytest.mark.parametrize(("map_step", "reduce_step"), [(1, 2), (4, 8), (7, 3), (1000, 2)])
def test_mapreduce_is_reduce_of_map(store, n, map_step, reduce_step):
    task = mr.mapreduce(operator.add, square, range(n), map_step=map_step, reduce_step=reduce_step)
    run_all()
    assert value(task) == sum(i * i for i in range(n))


def test_reduce_keeps_the_order(store):
    words = [f"<{i}>" for i in range(50)]
    task = mr.reduce(operator.add, words, reduce_step=3)
    run_all()
    assert value(task) == "".join(words)


def test_empty_input(store):
    for task in (mr.mapreduce(operator.add, square, []), mr.reduce(operator.add, [])):
        assert task.name == "identity" and task.run() == []
    assert len(mr.map(square, [])) == 0 and value(mr.map(square, [])) == []
    assert mr.map(square, [], map_step=1) == mr.currymap(power, []) == []


def test_functions_may_be_task_generators(store):
    reduced = mr.mapreduce(plus, cube, range(20))
    summed = mr.reduce(plus, range(20))
    mapped, single = mr.map(cube, range(6)), mr.map(cube, range(2), map_step=1)
    curried = mr.currymap(plus, [(1, 2), (3, 4)])
    run_all()
    assert value(reduced) == sum(i**3 for i in range(20)) and value(summed) == 190
    assert value(mapped) == [i**3 for i in range(6)] and value(single) == [0, 1]
    assert value(curried) == [3, 7]


def test_hashes_of_task_generators_are_those_of_the_reference(monkeypatch):
    # Computed by release 2.7.0 for a module `golden` with decorated functions sq(x) and plus(x, y).
    import sys
    from types import ModuleType

    module = ModuleType("golden")
    exec(
        "from jug import TaskGenerator\n@TaskGenerator\ndef sq(x): return x*x\n"
        "@TaskGenerator\ndef plus(x,y): return x+y",
        module.__dict__,
    )
    monkeypatch.setitem(sys.modules, "golden", module)
    sq, plus = module.sq, module.plus
    assert mr.mapreduce(plus, sq, list(range(10))).hash() == b"6705412d93bb2ef138cd3a92589bb5ca98ef0b03"
    assert mr.reduce(plus, list(range(10))).hash() == b"063820bc8660f70afb5d4ea58ab03a56e3ca50a4"
    assert hash_one(mr.map(sq, list(range(10)))) == b"8d0786d2d58a2349e22b1beb9e660b8c94f7052a"
    assert hash_one(mr.currymap(plus, [(1, 2), (3, 4)])) == b"5e1ef6fc812f447316e4a36c724d7e84792ae118"
    assert mr.map(sq, [0], map_step=1)[0].hash() == b"7b1a5aefebd37a0dfa09e585f5c3729fb151df64"
    assert mr.currymap(plus, [(1, 2)], map_step=1)[0].hash() == b"6381a853fe19eeddca44df6f2bb3e77a4d0ea77e"


def test_inputs_may_be_tasks(store):
    inputs = [Task(square, i) for i in range(5)]
    task = mr.mapreduce(operator.add, square, inputs)
    mapped = mr.map(square, mr.map(square, range(5)))
    run_all()
    assert value(task) == sum(i**4 for i in range(5))
    assert value(mapped) == [i**4 for i in range(5)]


def test_map_with_step_1_is_a_list_of_tasks():
    tasks = mr.map(square, [3, 4], map_step=1)
    assert type(tasks) is list and [t.run(save=False) for t in tasks] == [9, 16]
    assert [t.run(save=False) for t in mr.currymap(power, [(2, 3)], map_step=1)] == [8]


def test_map_is_a_sequence(store):
    mapped = mr.map(square, range(10), map_step=3)
    run_all()
    expected = [i * i for i in range(10)]
    assert len(mapped) == 10
    assert value(mapped) == value(list(mapped)) == expected
    assert [value(mapped[i]) for i in (0, 4, -1)] == [0, 16, 81]
    for index in (10, -11):
        with pytest.raises(IndexError):
            mapped[index]


@pytest.mark.parametrize(
    "part", [slice(2, 7), slice(None, None, 2), slice(None, None, -1), slice(8, 2, -2), slice(-3, None), slice(5, 2)]
)
def test_slices_of_map(store, part):
    mapped = mr.map(square, range(10), map_step=3)
    run_all()
    expected = [i * i for i in range(10)][part]
    piece = mapped[part]
    assert len(piece) == len(expected) and value(piece) == expected
    assert [value(x) for x in piece] == expected
    assert value(piece[1:][::-1]) == expected[1:][::-1]


def test_map_can_be_an_argument(store):
    mapped = mr.map(square, range(10), map_step=4)
    total, some = Task(sum, mapped), Task(sum, mapped[2:5])
    assert list(total.dependencies()) == mapped.blocks
    run_all()
    assert (total.value(), some.value()) == (285, 4 + 9 + 16)


def test_a_slice_needs_the_blocks_that_it_touches_only(store):
    mapped = mr.map(square, range(20), map_step=4)
    parts = [mapped[5:10], mapped[19:2:-8], mapped[5:5], mapped[2:18][8::7]]
    touched = [(1, 2), (0, 2, 4), (), (2, 4)]
    for part, numbers in zip(parts, touched, strict=True):
        assert list(Task(sum, part).dependencies()) == [mapped.blocks[i] for i in numbers]
    task = Task(sum, parts[0])
    assert not task.can_run() and not parts[0].can_load()
    mapped.blocks[1].run(), mapped.blocks[2].run()
    assert task.can_run() and parts[0].can_load() and task.run() == sum(i * i for i in range(5, 10))
    assert not mapped.can_load() and not parts[1].can_load() and parts[2].can_load()


def test_maps_and_slices_tell_their_extent():
    mapped = mr.map(square, range(20), map_step=4)
    for part, extent in ((mapped[5:10], (5, 10, 1)), (mapped[15:2:-3], (15, 2, -3)), (mapped[5:10][1:3], (6, 8, 1))):
        assert (part.start, part.stop, part.stride) == extent and part.len == len(part) and part.base is mapped
    assert mapped.len == 20


def test_currymap_spreads_its_elements(store):
    found = mr.currymap(power, [(2, 3), (3, 2), (4, 1)], map_step=2)
    run_all()
    assert value(found) == [8, 9, 4]


def test_break_up():
    assert list(mr._break_up([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    "call",
    [
        functools.partial(mr.map, square, [1], map_step=0),
        functools.partial(mr.mapreduce, operator.add, square, [1], map_step=-1),
        functools.partial(mr.reduce, operator.add, [1, 2], reduce_step=1),
    ],
)
def test_steps_that_would_never_end_are_refused(call):
    with pytest.raises(ValueError, match="step must be at least"):
        call()
