"""Objects in a few words."""

import pytest
from optional import numpy as np

from jug import Task, Tasklet, return_tuple
from jug.task import TaskGenerator
from jug.words.short import short, short_call


def double(x=0):
    return 2 * x


def test_a_call_shows_its_arguments_in_one_line():
    assert short_call("m.f", (1, "a"), {"k": [1, 2]}) == "m.f(1, 'a', k=[1, 2])"


def test_a_large_argument_is_cut():
    text = short_call("m.f", ("x" * 10_000, np.zeros((1000, 1000)), list(range(10_000))), {})
    assert len(text) < 300
    assert "\n" not in text


def test_tasks_inside_arguments_are_called_by_their_names():
    assert short([Task(double, 1), Task(double)]) == f"[{__name__}.double(...), {__name__}.double()]"


def test_tasklets_are_written_as_what_they_compute():
    task = Task(double)
    assert short(task[0]["a"]) == f"{__name__}.double()[0]['a']"
    assert short(Tasklet(task, len)) == f"len({__name__}.double())"
    first, second = return_tuple(2)(TaskGenerator(double))()
    assert (short(first), short(second)) == (f"{__name__}.double()[0]", f"{__name__}.double()[1]")


def test_a_long_chain_has_a_short_name():
    tasklet = Task(double)
    task = Task(double)
    for _ in range(10_000):
        tasklet, task = tasklet[0], Task(double, task)
    assert short(tasklet) == "..." + "[0]" * 8
    assert repr(task) == f"Task({__name__}.double, args=({__name__}.double(...),), kwargs={{}})"


@pytest.mark.parametrize("name", ["array", "deque", "dict", "int", "list", "str"])
def test_a_class_with_the_name_of_another_is_not_taken_for_that(name):
    own = type(name, (), {"__repr__": lambda self: "mine"})
    assert short_call("f", [own()], {}) in ("f(mine)", f"f({short(own())})")
    assert len(short(own())) < 100


def test_an_object_whose_repr_raises_does_not_hide_the_message():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert short(Broken()).startswith("<Broken instance at ")


# Calls inside calls


def acquire(sample):
    return sample


def denoise(image, strength=1):
    return image


def name_of(f):
    return f"{__name__}.{f.__name__}"


def test_a_call_shows_the_arguments_of_the_calls_inside():
    task = Task(denoise, Task(acquire, "plate-17"), strength=2)
    assert short_call("m.denoise", task.args, task.kwargs) == f"m.denoise({name_of(acquire)}('plate-17'), strength=2)"
    nested = {"images": [task]}
    inside = f"{name_of(denoise)}({name_of(acquire)}('plate-17'), strength=2)"
    assert short_call("m.report", (nested,), {}) == f"m.report({{'images': [{inside}]}})"


def test_what_is_deep_inside_shows_its_plain_arguments():
    task = Task(acquire, "plate-17")
    for _ in range(10_000):
        task = Task(denoise, task)
    assert "..." in short_call("m.f", (task,), {})
    few = Task(acquire, "plate-17")
    for strength in range(6):
        few = Task(denoise, few, strength)
    text = short_call("m.f", (few,), {})
    assert "'plate-17'" in text and "..." in text
    assert len(text) < 400


def test_a_call_of_very_many_calls_stays_short():
    layer = [Task(acquire, f"sample-{i}") for i in range(50)]
    for _ in range(20):
        layer = [Task(denoise, layer, layer) for _ in range(20)]
    text = short_call("m.f", (layer,), {})
    assert len(text) < 4000 and "\n" not in text


def test_tasklets_inside_a_call_are_shown_as_before():
    assert short_call("m.f", (Task(acquire, 1)[0],), {}) == f"m.f({name_of(acquire)}(...)[0])"


class Coloured:
    """An object whose repr is for a terminal."""

    def __repr__(self):
        return "\x1b[31mred\x1b[0m\u202e"


def test_nothing_in_a_few_words_does_anything_to_a_terminal():
    assert short([Coloured()]) == "[\\x1b[31mred\\x1b[0m\\u202e]"
    assert short_call("m.f\x9b", [Coloured()], {"k\udc80": "\x1b"}).isprintable()
