"""What a jugfile imports, seen over several readings in one process."""

import sys

import pytest

import jug.task
from jug.engine.loading.jugfile import Jugfile, JugfileRaised, barrier_of

FUNCTION = "from jug import TaskGenerator, barrier, bvalue\n@TaskGenerator\ndef f(x):\n    return x\n"


def test_tasks_that_a_module_makes_are_there_in_every_reading_and_once(write):
    write(FUNCTION + "import library_inner\na = f('outer')\n", "library_outer.py")
    write(FUNCTION + "b = f('inner')\n", "library_inner.py")
    jugfile = Jugfile(write("import library_outer\nown = library_outer.f('own')\n"))
    jugfile.load()
    first = jug.task.alltasks[:]
    assert [task.args[0] for task in first] == ["inner", "outer", "own"]
    jugfile.load()
    assert jug.task.alltasks[:2] == first[:2]
    assert [task.args[0] for task in jug.task.alltasks] == ["inner", "outer", "own"]


def test_tasks_of_a_module_that_is_forgotten_are_forgotten_too(write):
    write(FUNCTION + "a = f('a')\n", "library_gone.py")
    jugfile = Jugfile(write("import library_gone\n"))
    jugfile.load()
    del sys.modules["library_gone"]
    write("pass\n")
    jugfile.load()
    assert jug.task.alltasks == []


def test_another_jugfile_does_not_get_them(write):
    write(FUNCTION + "a = f('a')\n", "library_of_one.py")
    Jugfile(write("import library_of_one\n", "one.py")).load()
    Jugfile(write("pass\n", "two.py")).load()
    assert jug.task.alltasks == []


def test_a_half_imported_package_is_found_until_the_next_reading_and_then_imported_whole(write, store):
    write("from . import part\nfrom . import stops\nwhole = True\n", "halfway/__init__.py")
    write(FUNCTION + "start = f(1)\n", "halfway/part.py")
    write("from .part import start\nfrom jug import bvalue\nx = bvalue(start)\n", "halfway/stops.py")
    jugfile = Jugfile(write("import halfway.stops\nx = halfway.stops.x\n"))
    assert barrier_of(jugfile.load()) is not None
    half = sys.modules["halfway"], sys.modules["halfway.part"]
    assert not hasattr(half[0], "whole")
    jug.task.alltasks[0].run()
    space = jugfile.load()
    assert space["x"] == 1 and sys.modules["halfway"].whole
    assert sys.modules["halfway"].part is sys.modules["halfway.part"] is not half[1]


def test_a_module_that_holds_on_to_a_half_imported_one_is_imported_again(write, store):
    write(FUNCTION + "import circle_two\nx = bvalue(circle_two.start)\n", "circle_one.py")
    write("from circle_one import f\nimport circle_three\nstart = f(1)\n", "circle_two.py")
    write("imported = []\n", "circle_three.py")
    jugfile = Jugfile(write("import circle_one\nfrom circle_two import f\n"))
    jugfile.load()
    innocent = sys.modules["circle_three"]
    jug.task.alltasks[0].run()
    space = jugfile.load()
    assert space["f"] is sys.modules["circle_one"].f
    assert sys.modules["circle_three"] is innocent


def test_an_import_that_raises_is_python_s_own_business(write):
    write("1 / 0\n", "library_broken.py")
    with pytest.raises(JugfileRaised, match="ZeroDivisionError"):
        Jugfile(write("import library_broken\n")).load()
    assert "library_broken" not in sys.modules
    Jugfile(write("try:\n    import library_broken\nexcept ZeroDivisionError:\n    handled = True\n")).load()
    assert "library_broken" not in sys.modules


def test_the_import_system_is_left_as_it_was(write):
    finders = sys.meta_path[:]
    write("x = 1\n", "library_plain.py")
    Jugfile(write("import library_plain\n")).load()
    assert sys.meta_path == finders
    assert "exec_module" not in vars(sys.modules["library_plain"].__spec__.loader)
