"""``jug execute``: limits, files and hooks that end a worker before all is finished."""

import pytest
from processes import jug, write

from jug.backends import file_store


def results(where, jugdir="jugfile.jugdata"):
    return len(list(file_store.file_store(where / jugdir).list()))


LIMITED = """
from jug import TaskGenerator, barrier
@TaskGenerator
def f(x):
    return x
[f(i) for i in range(3)]
barrier()
[f(i) for i in range(10, 12)]
"""
ON_TIME = [{"JUG_MAX_SECONDS": "1e-9"}, {"JUG_MAX_MINUTES": "1e-9"}, {"JUG_MAX_HOURS": "1e-12"}]


def test_a_limit_of_tasks(tmp_path):
    write(tmp_path, LIMITED)
    done = jug(tmp_path, "execute", JUG_MAX_TASKS="2")
    assert done.code == 3
    assert done.last == "jug: Stopped, because the limit of tasks is reached (2 executed). Tasks left: 1 ready."
    assert results(tmp_path) == 2


def test_a_limit_that_is_reached_at_a_barrier_is_not_the_end_of_the_work(tmp_path):
    write(tmp_path, LIMITED)
    done = jug(tmp_path, "execute", JUG_MAX_TASKS="3")
    assert done.code == 3
    assert done.last == (
        "jug: Stopped, because the limit of tasks is reached (3 executed). "
        "The jugfile stops at a barrier: there may be more tasks after it."
    )
    assert jug(tmp_path, "execute", JUG_MAX_TASKS="2").code == 0
    assert results(tmp_path) == 5


@pytest.mark.parametrize("limit", ON_TIME, ids=str)
def test_a_limit_of_time(tmp_path, limit):
    write(tmp_path, LIMITED)
    done = jug(tmp_path, "execute", **limit)
    assert done.code == 3
    assert "the time limit of " in done.last and done.last.endswith("Tasks left: 2 ready.")
    assert results(tmp_path) == 1


def test_a_file_that_asks_to_stop(tmp_path):
    write(tmp_path, LIMITED)
    (tmp_path / "__jug_please_stop_running.txt").touch()
    (tmp_path / "mine").touch()
    done = jug(tmp_path, "execute")
    assert done.code == 3
    reason = "jug: Stopped, because the file '{}' asks to stop. Tasks left: 3 ready."
    assert done.last == reason.format("__jug_please_stop_running.txt")
    (tmp_path / "__jug_please_stop_running.txt").unlink()
    done = jug(tmp_path, "execute", JUG_EXIT_IF_FILE_EXISTS="mine")
    assert (done.code, done.last) == (3, reason.format("mine"))
    assert results(tmp_path) == 0
    assert list((tmp_path / "jugfile.jugdata/locks").iterdir()) == []


def test_no_check_environment(tmp_path):
    write(tmp_path, LIMITED)
    (tmp_path / "__jug_please_stop_running.txt").touch()
    done = jug(tmp_path, "execute", "--no-check-environment", JUG_MAX_TASKS="abc", JUG_EXIT_IF_FILE_EXISTS="jugfile.py")
    assert done.code == 0
    assert results(tmp_path) == 5


HOOKED = """
import sys
from jug import TaskGenerator
from jug.hooks import register_hook, register_hook_once

@TaskGenerator
def f(x):
    return x

fs = [f(i) for i in range(4)]

@register_hook("execute.task-executed1")
def done(task):
    print("executed", task.args)
    if sys.argv[1:] == [str(task.args[0])]:
        sys.exit(4)

register_hook("execute.task-pre-execute", lambda task: print("begins", task.args))
register_hook("execute.task-loadable", lambda task: print("loadable", task.args))
register_hook("execute.finished_pre_status", lambda: print("before the table"))
register_hook("execute.finished_post_status", lambda: print("after the table"))
"""


def test_the_hooks_of_a_jugfile_are_called(tmp_path):
    write(tmp_path, HOOKED)
    lines = jug(tmp_path, "execute").out.splitlines()
    assert lines[:2] == ["begins (0,)", "executed (0,)"]
    assert lines[8] == "before the table" and lines[-1] == "after the table"
    assert jug(tmp_path, "execute").out.count("loadable (") == 4


def test_exit_in_a_hook_stops_the_worker(tmp_path):
    write(tmp_path, HOOKED)
    done = jug(tmp_path, "execute", "--", "1")
    assert done.code == 4
    assert done.last == "jug: Stopped, because a hook called sys.exit(4). Tasks left: 2 ready."
    assert results(tmp_path) == 2
    assert list((tmp_path / "jugfile.jugdata/locks").iterdir()) == []


ENDS = """
import sys
from jug import Task
from jug.hooks import register_hook
ts = [Task(abs, -i) for i in range({number})]
left = [{how}]
register_hook("{hook}", lambda *task: sys.exit(left.pop()) if left else None)
"""


@pytest.mark.parametrize("hook", ["execute.task-executed1", "execute.finished_pre_status"])
@pytest.mark.parametrize(
    ("how", "status"), [("99", 99), ("0", None), ("None", None), ("256", None), ("'enough'", 1), ("-1", 255)]
)
def test_the_exit_status_is_what_a_hook_says(tmp_path, hook, how, status):
    """But with work left, it cannot be 0."""
    write(tmp_path, ENDS.format(number=2, how=how, hook=hook))
    done = jug(tmp_path, "execute")
    otherwise = 3 if hook == "execute.task-executed1" else 0
    assert done.code == (otherwise if status is None else status)
    assert results(tmp_path) == (1 if hook == "execute.task-executed1" else 2)


def test_a_hook_at_the_end_does_not_make_a_failure_a_success(tmp_path):
    write(tmp_path, ENDS.format(number=2, how="0", hook="execute.finished_pre_status") + "Task(int, 'x')\n")
    done = jug(tmp_path, "execute")
    assert (done.code, done.last.partition(" (")[0]) == (1, "jug: 1 task failed")
