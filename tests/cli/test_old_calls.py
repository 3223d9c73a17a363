"""Commands as programs for Jug 2.7 import and call them, and the other names that are kept for such programs."""

import subprocess
import sys

import pytest
from processes import write

import jug
from jug import jug_version, options, task
from jug.backends.dict_store import dict_store
from jug.hooks import register, registry
from jug.subcommands import cmdapi, shell

JUGFILE = """
import jug

def f(x):
    return x + 1

first = jug.Task(f, 1)
second = jug.Task(f, first)
other = jug.Task(f, 5)
"""
COMMANDS = [
    *("execute", "status", "check", "sleep_until", "invalidate", "cleanup", "graph", "webstatus", "count", "pack"),
    *("demo", "install_skills", "test_jug", "shell"),
]


@pytest.fixture
def jugfile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, JUGFILE)
    return "jugfile.py"


@pytest.fixture
def executed(jugfile):
    """A store and the names of a jugfile, all of whose tasks are finished."""
    assert jug.subcommands.execute.execute(options.parse(["execute", jugfile])) == 0
    return jug.init(jugfile, "jugfile.jugdata")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_module_has_a_command_of_its_name(name):
    module = getattr(jug.subcommands, name)
    command = getattr(module, name)
    assert callable(command) and command.name == name.replace("_", "-")
    assert cmdapi.get(command.name).name == command.name


def test_a_name_that_no_module_has():
    for where in (jug.subcommands, jug.subcommands.status):
        with pytest.raises(AttributeError, match=f"module '{where.__name__}' has no attribute 'no_such'"):
            where.no_such  # noqa: B018


def test_options_alone_have_the_jugfile_read(jugfile, capsys):
    assert jug.subcommands.execute.execute(options.parse(["execute", jugfile])) == 0
    assert jug.subcommands.status.status(options.parse(["status", "--short", jugfile])) == 0
    assert "All tasks complete (3 tasks)" in capsys.readouterr().out


def exit_code(command, *args):
    """Of the two that end the program themselves, as they did in 2.7."""
    with pytest.raises(SystemExit) as ended:
        command(*args)
    return ended.value.code


def test_a_store_comes_before_the_options(executed, capsys):
    store, names = executed
    assert exit_code(jug.subcommands.check.check, store, options.parse(["check"])) == 0
    assert exit_code(jug.subcommands.check.sleep_until, store, options.parse(["sleep-until"])) == 0
    assert jug.subcommands.invalidate.invalidate(store, options.parse(["invalidate", "--name", "f"])) == 0
    assert not any(t.can_load() for t in task.alltasks)
    assert exit_code(jug.subcommands.check.check, store, options.parse(["check"])) == 1
    names["other"].run()
    del task.alltasks[:]
    assert jug.subcommands.cleanup.cleanup(store, options.parse(["cleanup"])) == 0
    assert list(store.list()) == []
    capsys.readouterr()


def test_words_name_what_is_given_as_well(executed, capsys):
    store, names = executed
    given = {"store": store, "jugspace": names, "options": options.parse(["count"])}
    assert jug.subcommands.count.count(**given) == 0
    assert jug.subcommands.count.count.run(**given) == 0
    assert capsys.readouterr().out.count("jugfile.f") == 2


def test_the_shell_functions_of_old_invalidate_and_load(executed):
    _, names = executed
    kept = {}
    local = {}
    shell.load_all(names, local)
    assert {name: local[name] for name in ("first", "second", "other")} == {"first": 2, "second": 3, "other": 6}
    assert shell.invalidate(task.alltasks, kept, names["first"]) is None
    assert [names[name].can_load() for name in ("first", "second", "other")] == [False, False, True]
    assert not names["second"].is_loaded()
    shell.invalidate(task.alltasks, kept, names["other"])
    assert not names["other"].can_load()
    local = {}
    shell.load_all(names, local)
    assert local == {}


# Names elsewhere


def test_the_version_and_how_to_cite():
    assert jug_version.__version__ == jug.__version__
    assert "10.5334/jors.161" in jug_version.CITATION


def test_the_module_of_hooks():
    for name in ("register_hook", "register_hook_once", "reset_all_hooks", "jug_hook"):
        assert getattr(register, name) is getattr(registry, name)


def test_no_jugdir_is_the_directory_jugdata(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = jug.set_jugdir(None)
    assert store.jugdir == "jugdata" and task.Task.store is store
    jug.set_jugdir(dict_store())


def test_importing_jug_imports_no_command():
    code = "import jug, sys; print([name for name in sys.modules if name.startswith('jug.subcommands')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
