"""Small things for jugfiles."""

import os
import sys

import pytest

import jug.task
from jug import Task, Tasklet, value
from jug.hash import hash_one
from jug.utils import CustomHash, cached_glob, identity, jug_execute, sync_move, timed_path


def size(x):
    return len(x)


def test_identity(store):
    task = identity([1, [2]])
    assert task.name == "identity" and task.run() == [1, [2]]
    user = Task(size, task)
    assert user.run() == 2


def test_custom_hash_decides_the_hash_and_gives_the_object(store):
    task = Task(size, CustomHash("abc", lambda obj: b"same"))
    other = Task(size, CustomHash("abcdef", lambda obj: b"same"))
    assert task.hash() == other.hash() != Task(size, "abc").hash()
    assert task.run() == 3 and value(CustomHash("x", len)) == "x"


def test_custom_hash_of_a_task_depends_on_it(store):
    inner = identity("four")
    task = Task(size, CustomHash(inner, lambda obj: b"any"))
    assert list(task.dependencies()) == [inner]
    inner.run()
    assert task.run() == 4


def test_timed_path_changes_with_time_and_size(tmp_path):
    path = tmp_path / "data"
    path.write_text("abc")
    os.utime(path, (10**9, 10**9))
    before = hash_one(timed_path(str(path)))
    assert hash_one(timed_path(str(path))) == before
    assert value(timed_path(str(path))) == str(path)
    path.write_text("abcd")
    os.utime(path, (10**9, 10**9))
    larger = hash_one(timed_path(str(path)))
    os.utime(path, (10**9, 10**9 + 5))
    assert len({before, larger, hash_one(timed_path(str(path)))}) == 3


def test_jug_execute_runs_a_command(store, tmp_path):
    made = tmp_path / "made"
    first = identity(1)
    task = jug_execute(
        [sys.executable, "-c", f"open({str(made)!r}, 'w')"], run_after=first, return_value=identity("done")
    )
    assert first in task.dependencies() and not task.can_run()
    for other in jug.task.alltasks:
        if other is not task:
            other.run()
    task.run()
    assert made.exists() and task.value() == "done"


def test_jug_execute_names_the_command_that_failed(store):
    command = [sys.executable, "-c", "raise SystemExit(7)"]
    with pytest.raises(SystemError, match=r"SystemExit\(7\).*7$"):
        jug_execute(command).run()
    assert jug_execute(command, check_exit=False).run() is None


def test_cached_glob_remembers(store, tmp_path):
    (tmp_path / "b.txt").touch()
    (tmp_path / "a.txt").touch()
    pattern = str(tmp_path / "*.txt")
    found = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    assert cached_glob(pattern) == found
    (tmp_path / "c.txt").touch()
    assert cached_glob(pattern) == found


def test_sync_move(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("content")
    target.write_text("old")
    sync_move(str(source), str(target))
    assert target.read_text() == "content" and not source.exists()


def test_matchers_can_be_imported_from_here():
    from jug.utils import prepare_matcher_from_options, prepare_name_matcher, prepare_task_matcher

    assert prepare_task_matcher("b.c")("a.b.c") and prepare_name_matcher("b.c")("a.b.c")
    assert prepare_matcher_from_options(None, None) is None


def test_the_identity_of_a_task_or_tasklet_is_itself():
    task = identity([1])
    assert identity(task) is task
    assert identity(task[0]).__class__ is Tasklet
