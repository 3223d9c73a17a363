"""Scripts that share a jugdir, all with functions called `__main__.name`: who is warned, and where the note is."""

import os
import subprocess
import sys

import pytest
from processes import jug as command
from processes import write

from jug import Task
from jug.backends import select
from jug.backends.dict_store import dict_store

SCRIPT = """
import jug
from jug import CachedFunction, Task, TaskGenerator, value
jug.set_jugdir({jugdir!r})

@TaskGenerator
def f(x):
    return {what}

task = f({x})
print(CachedFunction(f, {x}) if {by_cached!r} else task.value() if task.can_load() else task.run())
"""


def script(where, name, what, x=1, by_cached=True):
    (where / name).write_text(SCRIPT.format(what=what, x=x, jugdir="results", by_cached=by_cached))
    done = subprocess.run([sys.executable, name], cwd=where, capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize("by_cached", [True, False])
def test_a_second_script_with_another_function_is_warned(tmp_path, by_cached):
    assert script(tmp_path, "a.py", "'first'", by_cached=by_cached) == ("first", "")
    out, err = script(tmp_path, "b.py", "'second'", by_cached=by_cached)
    assert out == "first" and err.count("\n") == 1
    assert "'__main__.f' of ../a.py, which is another one than that of ../b.py" in err
    assert script(tmp_path, "a.py", "'first'", by_cached=by_cached) == ("first", "")


LOOP = """
import jug
from jug import TaskGenerator, value
jug.set_jugdir("results")

@TaskGenerator
def f(x):
    return {0}

task = f(f(1))
jug.jug.execution_loop(list(jug.task.alltasks), jug.options.default_options)
print(value(task))
"""


def test_a_script_that_runs_its_tasks_in_a_loop_is_warned(tmp_path):
    def run(name, what):
        (tmp_path / name).write_text(LOOP.format(what))
        done = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.split()[-1], done.stderr.count("function '__main__.f' of ../a.py, which is another one")

    assert run("a.py", "x * 3") == ("9", 0)
    assert run("b.py", "x + 3") == ("9", 1)
    assert run("a.py", "x * 3") == ("9", 0)
    assert script(tmp_path, "c.py", "'other'")[1].count("of ../a.py, which is another one") == 1


def test_notebooks_are_known_by_the_name_that_their_server_gives(tmp_path):
    def cell(what, **env):
        code = SCRIPT.format(what=what, x=1, jugdir="results", by_cached=True)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **env}
        )
        return done.stdout.strip(), done.stderr

    assert cell("'first'", JPY_SESSION_NAME="a.ipynb") == ("first", "")
    assert cell("'edited'", JPY_SESSION_NAME="a.ipynb") == ("first", "")
    assert "of ../a.ipynb, which is another one than that of ../b.ipynb" in cell("2", JPY_SESSION_NAME="b.ipynb")[1]
    assert cell("3", JPY_SESSION_NAME="") == ("first", "")  # nobody knows what this is


def test_once_it_has_stored_results_itself_it_is_not_told_again(tmp_path):
    script(tmp_path, "a.py", "'first'")
    assert "another one" in script(tmp_path, "b.py", "'second'", x=2)[1]
    assert script(tmp_path, "b.py", "'second'", x=3) == ("second", "")


def test_the_same_function_and_a_function_that_was_edited_are_no_trouble(tmp_path):
    script(tmp_path, "a.py", "'first'")
    assert script(tmp_path, "b.py", "'first'") == ("first", "")
    assert script(tmp_path, "a.py", "'edited'", x=2) == ("edited", "")


def test_a_folder_that_was_moved_has_the_same_scripts(tmp_path):
    (tmp_path / "here").mkdir()
    script(tmp_path / "here", "a.py", "'first'")
    (tmp_path / "here").rename(tmp_path / "there")
    assert script(tmp_path / "there", "a.py", "'edited'", x=2) == ("edited", "")


def test_the_note_is_an_ordinary_result(tmp_path):
    script(tmp_path, "a.py", "'first'")
    store = select(str(tmp_path / "results"))
    names = list(store.list())
    assert len(names) == 2 and [store.load(name) for name in names].count("first") == 1
    write(tmp_path, "from jug import Task\nt = Task(abs, -1)\n")
    for arguments in (("pack",), ("execute",), ("check",), ("check", "--verify"), ("cleanup",)):
        assert command(tmp_path, *arguments, "--jugdir", "results").code == 0, arguments
    assert list(select(str(tmp_path / "results")).list()) == [Task(abs, -1).hash()]


def test_tasks_of_jugfiles_leave_no_note(tmp_path):
    write(tmp_path, "from jug import Task\ndef f(x): return x\nt = Task(f, 1)\n")
    command(tmp_path, "execute", "--jugdir", "results")
    assert len(list(select(str(tmp_path / "results")).list())) == 1


def test_what_is_in_memory_only_has_no_note(monkeypatch):
    monkeypatch.setattr(Task, "store", dict_store())

    def f(x):
        return x

    f.__module__ = "__main__"
    assert Task(f, 1).run() == 1 and len(list(Task.store.list())) == 1
