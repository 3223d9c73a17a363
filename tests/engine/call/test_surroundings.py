"""Each task begins where the one before began, whatever that has done; and so does each reading of the jugfile."""

import os

import pytest
from processes import files_in, jug, python, write

GOES = """
import os
from jug import TaskGenerator, barrier, value

@TaskGenerator
def f(x):
    before = os.path.relpath(os.getcwd(), start)
    os.makedirs("scratch", exist_ok=True)
    os.chdir("scratch")
    {more}
    return before

start = os.getcwd()
r = [f(0), f(1)]
barrier()
s = f(2)
barrier()
print(value([*r, s]))
"""


@pytest.mark.parametrize("more", ["pass", "os.rmdir('../scratch')", "os.chdir('/')"])
@pytest.mark.parametrize("jugdir", ["jugfile.jugdata", "dict_store:results"])
def test_a_task_goes_to_another_directory(tmp_path, more, jugdir):
    write(tmp_path, GOES.format(more=more))
    done = jug(tmp_path, "execute", "--jugdir", jugdir)
    assert (done.code, done.out.splitlines()[0]) == (0, "['.', '.', '.']"), done
    assert jug(tmp_path, "check", "--jugdir", jugdir).code == 0
    assert not [name for name in files_in(tmp_path) if name.startswith("scratch/")]


def test_a_task_that_fails_elsewhere_shows_its_lines(tmp_path):
    write(tmp_path, "import os\nfrom jug import Task\ndef f():\n    os.chdir('/')\n    return 1 / 0\nTask(f)\n")
    done = jug(tmp_path, "execute")
    assert done.code == 1 and "    return 1 / 0\n" in done.err
    assert files_in(tmp_path)[:1] == ["jugfile.jugdata"]


def test_the_source_is_found_in_any_directory(tmp_path):
    source = """
        import inspect, os, traceback
        from jug import Task, value

        def f():
            os.chdir("/")
            try:
                raise KeyError
            except KeyError:
                return inspect.getsource(f), traceback.format_exc()

        t = Task(f)
        """
    write(tmp_path, source, "sub/deep/jf.py")
    assert jug(tmp_path, "execute", "sub/deep/jf.py").code == 0
    done = python(tmp_path, "-c", "import jug; _, s = jug.init('sub/deep/jf.py'); print(*jug.value(s['t']))")
    source, _, lines = done.out.partition("Traceback")
    assert source.startswith("def f():") and "raise KeyError" in lines


def test_a_hook_may_choose_the_directory_of_tasks(tmp_path):
    source = """
        import os
        from jug import TaskGenerator, barrier, value
        from jug.hooks import register_hook_once

        @TaskGenerator
        def f(x):
            where = os.path.basename(os.getcwd())
            os.chdir("/")
            return where

        start = os.getcwd()
        register_hook_once("execute.task-pre-execute", "go", lambda t: os.chdir(os.path.join(start, f"{t.args[0]}")))
        r = [f("a"), f("b")]
        barrier()
        print(value(r))
        """
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write(tmp_path, source)
    done = jug(tmp_path, "execute")
    assert (done.code, done.out.splitlines()[0]) == (0, "['a', 'b']")


def test_a_task_that_ignores_its_children_does_not_speak_for_others(tmp_path):
    source = """
        import signal
        from jug import TaskGenerator
        from jug.utils import jug_execute

        @TaskGenerator
        def f(x):
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            return x

        jug_execute(["sh", "-c", "exit 3"], run_after=f(1))
        """
    write(tmp_path, source)
    done = jug(tmp_path, "execute")
    assert done.code == 1 and "failed with exit code 3" in done.err


# A jugfile that goes to another directory itself


CHDIR = """
import os, jug
{before}
os.chdir({where})
ts = [jug.Task(abs, i) for i in range(3)]
jug.barrier()
us = [jug.Task(abs, i) for i in range(3, 6)]
"""
HERE = "os.path.dirname(os.path.abspath(__file__))"


@pytest.fixture(params=["", "jug.set_jugdir('sub/jf.jugdata')"], ids=["option", "jugfile"])
def moves(tmp_path, request):
    """A jugfile that goes to its own directory; returns where its results are, which is where they always were."""
    write(tmp_path, CHDIR.format(where=HERE, before=request.param), "sub/jf.py")
    return "sub/sub/jf.jugdata"


def test_results_are_where_the_jugfile_goes(tmp_path, moves):
    assert jug(tmp_path, "execute", "sub/jf.py").code == 0
    assert [name for name in files_in(tmp_path) if name.endswith(".jugdata")] == [moves]
    assert jug(tmp_path, "execute", "sub/jf.py").table()["Total:"] == {"Executed": 0, "Loaded": 6}


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["status", "--short"], "All tasks complete (6 tasks)."),
        (["status", "--short", "--cache"], "All tasks complete (6 tasks)."),
        (["check"], ""),
        (["check", "--hashes"], ""),
        (["sleep-until"], ""),
        (["count", "--short"], "6"),
        (["invalidate", "--name", "abs"], "6"),
    ],
    ids=" ".join,
)
def test_every_command_finds_them(tmp_path, moves, command, shown):
    assert jug(tmp_path, "execute", "sub/jf.py").code == 0
    for _again in "12" if command[0] != "invalidate" else "1":
        done = jug(tmp_path, command[0], "sub/jf.py", *command[1:])
        assert done.code == 0 and shown in done.out, done


def test_a_script_finds_them(tmp_path, moves):
    assert jug(tmp_path, "execute", "sub/jf.py").code == 0
    done = python(tmp_path, "-c", "import jug; s, n = jug.init('sub/jf.py'); print(jug.value(n['us']))")
    assert done.out == "[3, 4, 5]\n", done


def test_the_shell_finds_them(tmp_path, moves):
    pytest.importorskip("IPython")
    assert jug(tmp_path, "execute", "sub/jf.py").code == 0
    done = jug(tmp_path, "shell", "sub/jf.py", stdin="print('they are', value(us))\n")
    assert "they are [3, 4, 5]" in done.out, done


def test_a_barrier_before_the_jugfile_goes_away(tmp_path):
    """The store is where it was first asked."""
    source = "import os, jug\nt = jug.Task(abs, -1)\njug.barrier()\nos.chdir('sub')\nu = jug.Task(abs, -2)\n"
    (tmp_path / "sub").mkdir()
    write(tmp_path, source)
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "status", "--short").out == "All tasks complete (2 tasks).\n"
    assert os.listdir(tmp_path / "sub") == []
