"""Jugfiles and the modules that they import: where these are found, and barriers deep inside them."""

import os
import sys

import pytest

import jug.task
from jug.engine.loading.jugfile import Jugfile, JugfileRaised, barrier_of


def test_the_working_directory_comes_before_that_of_the_jugfile(write):
    write("where = 'here'", "both.py")
    write("where = 'there'", "place/both.py")
    write("where = 'there'", "place/only_there.py")
    text = "import sys, both, only_there\nfound = both.where, only_there.where\nplaces = sys.path[:2]\n"
    space = Jugfile(write(text, "place/analysis.py")).load()
    assert space["found"] == ("here", "there")
    assert space["places"] == [os.getcwd(), os.path.join(os.getcwd(), "place")]


def test_one_directory_is_put_on_the_path_once(write):
    jugfile = Jugfile(write(""))
    jugfile.load()
    places = sys.path[:]
    jugfile.load()
    assert sys.path == places and places.count(os.getcwd()) == 1


DEEP = """
from jug import TaskGenerator, barrier, bvalue

@TaskGenerator
def first(x):
    return x

def inner(x):
    task = first(x)
    barrier()
    return task

class Pipeline:
    def run(self, x):
        return [inner(x) for _ in range(1)]
"""


def test_a_barrier_deep_inside_a_library_stops_the_jugfile_only(write, store):
    write(DEEP, "library.py")
    jugfile = Jugfile(write("import library\nbefore = 1\nlibrary.Pipeline().run(7)\nafter = 1\n"))
    space = jugfile.load()
    assert str(barrier_of(space)) == "library.first has no result yet"
    assert "before" in space and "after" not in space and "library" in sys.modules
    jug.task.alltasks[0].run()
    space = jugfile.load()
    assert barrier_of(space) is None and "after" in space


def test_a_barrier_while_a_module_is_imported_lets_it_be_imported_again(write, store):
    write("from jug import TaskGenerator, bvalue\n@TaskGenerator\ndef g(): return 5\nn = bvalue(g())\n", "early.py")
    jugfile = Jugfile(write("import early\nn = early.n\n"))
    assert barrier_of(jugfile.load()) is not None
    jug.task.alltasks[0].run()
    space = jugfile.load()
    assert barrier_of(space) is None and space["n"] == 5


def test_an_error_inside_a_library_is_reported_from_the_jugfile_on(write):
    write("def broken():\n    raise LookupError('deep inside')\n", "library.py")
    name = write("import library\nlibrary.broken()\n")
    with pytest.raises(JugfileRaised) as caught:
        Jugfile(name).load()
    lines = caught.value.report().splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].strip().startswith('File "jugfile.py", line 2')
    assert any("library.py" in line and "in broken" in line for line in lines)
    assert lines[-2:] == ["LookupError: deep inside", "jug: The jugfile 'jugfile.py' raised LookupError"]


def test_a_later_jugfile_does_not_see_the_names_of_an_earlier_reading(write):
    jugfile = Jugfile(write("first = True\n"))
    jugfile.load()
    write("second = True\n")
    space = jugfile.load()
    assert "second" in space and "first" not in space
    assert sys.modules["jugfile"].__dict__ is space
