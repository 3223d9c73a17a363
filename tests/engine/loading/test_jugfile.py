"""Reading the jugfile, and the current store."""

import os
import pickle
import sys

import pytest

import jug
import jug.task
from jug.backends.dict_store import dict_store
from jug.engine.loading.jugfile import Jugfile, JugfileRaised, barrier_of, module_name
from jug.errors import EXIT_USAGE, JugfileError

SIMPLE = """
from jug import TaskGenerator
@TaskGenerator
def f(x): return x
a = f(1)
b = f(a)
"""


def test_a_jugfile_makes_tasks_and_names(write):
    space = Jugfile(write(SIMPLE)).load()
    assert [task.name for task in jug.task.alltasks] == ["jugfile.f"] * 2
    assert jug.task.alltasks == [space["a"], space["b"]]
    assert barrier_of(space) is None


def test_loading_again_starts_from_nothing(write):
    jugfile = Jugfile(write(SIMPLE))
    first = jugfile.load()["a"]
    second = jugfile.load()["a"]
    assert len(jug.task.alltasks) == 2 and first is not second and first.hash() == second.hash()


def test_the_jugfile_finds_its_arguments_its_file_and_its_directory(write):
    name = write("import sys, os\nargv = sys.argv[:]\nplace = sys.path[0]\nfile = __file__\nname = __name__")
    space = Jugfile(name, ["--fast", "x"]).load()
    assert space["argv"] == ["jugfile.py", "--fast", "x"]
    assert space["place"] == os.getcwd()
    assert space["file"] == os.path.abspath("jugfile.py") and space["name"] == "jugfile"


def test_modules_beside_a_jugfile_elsewhere_can_be_imported(write):
    write("answer = 42", "place/helper.py")
    jugfile = Jugfile(write("import helper\nx = helper.answer", "place/jf.py"))
    assert jugfile.load()["x"] == 42
    length = len(sys.path)
    jugfile.load()
    assert len(sys.path) == length
    del sys.modules["helper"]


@pytest.mark.parametrize("name", ["my-analysis.py", "analysis", "analysis.v2.py", "Größe.py"])
def test_any_name_works_and_its_functions_can_be_pickled(write, name):
    space = Jugfile(write(SIMPLE + "def plain(): pass\n", name)).load()
    module = name.removesuffix(".py")
    assert module_name(name) == module and space["a"].name == f"{module}.f"
    assert pickle.loads(pickle.dumps(space["f"]))(1).hash() == space["a"].hash()
    assert pickle.loads(pickle.dumps(space["plain"])) is space["plain"]


def test_the_source_is_utf8_whatever_the_locale(write):
    space = Jugfile(write("word = 'Jürgen ☃'")).load()
    assert space["word"] == "Jürgen ☃"


def test_a_barrier_stops_the_reading(write, store):
    name = write(SIMPLE + "from jug import barrier\nbarrier()\nc = f(2)\n")
    space = Jugfile(name).load()
    assert barrier_of(space).needs is None and "c" not in space and space["__jug__hasbarrier__"] is True
    for task in jug.task.alltasks:
        task.run()
    space = Jugfile(name).load()
    assert barrier_of(space) is None and "c" in space and "__jug__hasbarrier__" not in space


def test_an_error_in_the_jugfile_is_reported_from_the_jugfile_on(write):
    name = write("def deep():\n    return {}['key']\ndeep()\n")
    with pytest.raises(JugfileRaised) as caught:
        Jugfile(name).load()
    assert isinstance(caught.value.error, KeyError) and caught.value.exit_code == 1
    text = caught.value.report()
    assert "line 3" in text and "return {}['key']" in text and "KeyError: 'key'" in text
    assert "engine/loading/jugfile.py" not in text and text.endswith("jug: The jugfile 'jugfile.py' raised KeyError\n")


def test_a_jugfile_that_is_not_python(write):
    with pytest.raises(JugfileRaised, match="SyntaxError") as caught:
        Jugfile(write("x = = 1")).load()
    assert "line 1" in caught.value.report() and "x = = 1" in caught.value.report()


def test_a_mistake_in_the_jugfile_is_one_sentence_with_its_place(write):
    name = write("import jug\njug.set_jugdir('unheard-of:x')\n")
    with pytest.raises(JugfileRaised) as caught:
        Jugfile(name).load()
    text = caught.value.report()
    assert "line 2" in text and "Traceback" not in text and "unheard-of" in text
    assert caught.value.exit_code == EXIT_USAGE


def test_a_value_that_is_not_there_yet_hints_at_barriers(write, store):
    name = write(SIMPLE + "from jug import value\nvalue(a)")
    with pytest.raises(JugfileRaised, match=r"jugfile\.f has no result.*bvalue.*barrier"):
        Jugfile(name).load()


def test_a_jugfile_that_is_not_there(write):
    with pytest.raises(JugfileError, match=r"'missing\.py'.*No such file"):
        Jugfile("missing.py").load()


@pytest.mark.parametrize("name", ["jug.py", "jug", "jug.analysis.py"])
def test_a_jugfile_cannot_hide_jug_itself(write, name):
    with pytest.raises(JugfileError, match=f"'{name}'"):
        Jugfile(write("", name)).load()


def test_a_jugfile_may_replace_the_list_of_tasks(write):
    Jugfile(write("import jug.task\njug.task.alltasks = []\n" + SIMPLE)).load()
    assert len(jug.task.alltasks) == 2


def test_init_reads_a_jugfile_for_a_script(write):
    before = sys.argv[:]
    store, space = jug.init(write(SIMPLE, "work.py"))
    assert str(store.jugdir) == "work.jugdata" and space["a"].hash() and sys.argv == before
    assert not jug.is_jug_running()
    store, _ = jug.init("work.py", "dict_store")
    assert isinstance(store, dict_store) and jug.Task.store is store
    mine = dict_store()
    assert jug.init("work.py", store=mine)[0] is mine


def test_init_uses_jugfile_py_by_default(write):
    write(SIMPLE)
    jug.init(jugdir="dict_store")
    assert len(jug.task.alltasks) == 2


def test_init_with_an_error_in_the_jugfile(write, capsys):
    name = write("x = 1 / 0")
    with pytest.raises(SystemExit) as caught:
        jug.init(name, "dict_store")
    assert caught.value.code == 1 and "ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        jug.init(name, "dict_store", on_error="propagate")
    with pytest.raises(ValueError, match="'ignore'"):
        jug.init(name, "dict_store", on_error="ignore")


def test_init_with_a_jugfile_that_is_not_there(write, capsys):
    with pytest.raises(SystemExit) as caught:
        jug.init("missing.py", "dict_store")
    assert caught.value.code == 2 and "'missing.py'" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        jug.init("missing.py", "dict_store", on_error="propagate")


def test_tasks_of_several_jugfiles_that_a_script_reads_are_all_there(write):
    jug.Task(len, "own")
    jug.init(write(SIMPLE, "one.py"), "dict_store")
    jug.init(write(SIMPLE, "two.py"), "dict_store")
    assert len(jug.task.alltasks) == 5
