"""Small things for jugfiles."""

import errno
import os
import sys

import pytest

import jug.task
from jug import Task, Tasklet, value
from jug.hash import hash_one
from jug.unsafe import NoHash
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


def across_file_systems(monkeypatch, source):
    """Have `source` be on another file system than everything else."""
    rename = os.rename

    def refuse(src, dst):
        if os.fspath(src) == str(source):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(src, dst)

    monkeypatch.setattr(os, "rename", refuse)


def test_sync_move_to_another_file_system(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("content")
    target.write_text("old")
    across_file_systems(monkeypatch, source)
    sync_move(source, target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("target", "content")]


def test_sync_move_to_another_file_system_writes_through_no_link(tmp_path, monkeypatch):
    source, target, victim = tmp_path / "source", tmp_path / "target", tmp_path / "victim"
    source.write_text("content")
    victim.write_text("mine")
    (tmp_path / f"target.{os.getpid()}.part").symlink_to(victim)
    across_file_systems(monkeypatch, source)
    sync_move(source, target)
    assert (target.read_text(), victim.read_text()) == ("content", "mine")


def test_sync_move_that_fails_leaves_all_as_it_was(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("content")
    target.mkdir()
    across_file_systems(monkeypatch, source)
    with pytest.raises(IsADirectoryError):
        sync_move(str(source), str(target))
    assert {path.name for path in tmp_path.iterdir()} == {"source", "target"} and source.read_text() == "content"


def constant(obj):
    return b"abc"


def kind(x):
    return x


def test_custom_hash_finds_tasks_and_gives_their_values_however_nested(store):
    a, b = identity([1]), identity([2])
    hidden = [CustomHash(CustomHash(a, constant), constant), {"x": CustomHash((a[0], {"y": b}), constant)}]
    task = Task(kind, hidden)
    assert set(task.dependencies()) == {a, b} and not task.can_run()
    a.run()
    b.run()
    assert task.run() == [[1], {"x": (1, {"y": [2]})}]


def test_hashes_of_custom_hash_and_no_hash_are_those_of_the_reference(store):
    a, hashes = identity([1]), []
    arguments = [CustomHash(a, constant), [CustomHash([a], constant)], NoHash(a), NoHash([CustomHash([a], constant)])]
    for argument in arguments:
        task = Task(kind, argument)
        task.name = "lib.what"
        hashes.append(task.hash().decode())
    assert hashes == [
        "668b19e0c0c03e629b879c7d4d418398ec87fba5",
        "72fef209fa751deca85debe73130b46384f73f1f",
        "def6eea2db31dd2b1d76e99fa067761a9e9e6228",
        "def6eea2db31dd2b1d76e99fa067761a9e9e6228",
    ]


def test_timed_path_of_a_file_that_is_missing_fails_when_it_is_hashed(store, tmp_path):
    argument = timed_path(str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError, match="missing"):
        Task(kind, argument).hash()


def test_cached_glob_without_a_match_remembers_that(store, tmp_path):
    pattern = str(tmp_path / "*.txt")
    assert cached_glob(pattern) == []
    (tmp_path / "a.txt").touch()
    assert cached_glob(pattern) == []
    jug.task.alltasks[0].invalidate()
    assert cached_glob(pattern) == [str(tmp_path / "a.txt")]


def test_cached_glob_is_a_task_that_can_be_invalidated_by_name(store):
    cached_glob("*.txt")
    assert [(task.name, task.args) for task in jug.task.alltasks] == [("jug.utils.glob_sort", ("*.txt",))]


def test_jug_execute_of_a_command_that_does_not_exist(store):
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        jug_execute(["no-such-command"], check_exit=False).run()


def test_jug_execute_returns_what_it_is_told(store):
    task = jug_execute([sys.executable, "-c", "raise SystemExit(3)"], check_exit=False, return_value=identity(4))
    jug.task.alltasks[0].run()
    assert task.run() == 4


def test_matchers_can_be_imported_from_here():
    from jug.utils import prepare_matcher_from_options, prepare_name_matcher, prepare_task_matcher

    assert prepare_task_matcher("b.c")("a.b.c") and prepare_name_matcher("b.c")("a.b.c")
    assert prepare_matcher_from_options(None, None) is None


def test_the_identity_of_a_task_or_tasklet_is_itself():
    task = identity([1])
    assert identity(task) is task
    assert identity(task[0]).__class__ is Tasklet


def test_a_command_whose_child_somebody_else_waits_for(monkeypatch):
    def nobody_there(pid, flags):
        raise ChildProcessError

    monkeypatch.setattr(os, "waitpid", nobody_there)
    with pytest.raises(SystemError, match="exit status of command .'true'. cannot be had"):
        jug_execute.f(["true"])
    assert jug_execute.f(["true"], check_exit=False, return_value=1) == 1
