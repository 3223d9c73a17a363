"""`jug status --cache`: the graph is used again exactly as long as the jugfile would make the same one."""

import sqlite3
import sys
from pathlib import Path

import pytest

import jug.task
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile
from jug.engine.status_cache.cache import DEFAULT_FILE, StatusCache
from jug.engine.status_cache.cache_file import CacheFileError
from jug.engine.views.status import State, Status

PLAIN = """
from jug import TaskGenerator
import helper
with open('runs', 'a') as stream: stream.write('x')

@TaskGenerator
def double(x): return 2 * x

@TaskGenerator
def total(xs): return sum(xs)

doubles = [double(i) for i in range(3)]
sum_of_doubles = total(doubles)
"""
BARRIER = (
    PLAIN
    + """
from jug import barrier
barrier()
more = double(10)
"""
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("")
    store = dict_store()
    monkeypatch.setattr(jug.task.Task, "store", store)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    yield store
    del jug.task.alltasks[:]
    for name in ("helper", "jugfile"):
        sys.modules.pop(name, None)


def look(store, text=None, file="cache.sqlite3"):
    """The counts, what the barrier waits for, and how often the jugfile has been run so far."""
    if text is not None:
        with open("jugfile.py", "w") as stream:
            stream.write(text)
    graph, waits_for, _ = StatusCache(file, pytest.fail).graph(Jugfile("jugfile.py"), "jugdir", store)
    counts = Status(graph, store).counts()
    with open("runs") as stream:
        return {state.name: count for state, count in counts.items() if count}, waits_for, len(stream.read())


def finish(store, *names):
    Jugfile("jugfile.py").load()
    for task in jug.task.alltasks:
        if task.name.rpartition(".")[2] in names:
            task.run()


def test_the_jugfile_is_run_once(store):
    assert look(store, PLAIN) == ({"READY": 3, "WAITING": 1}, "", 1)
    assert look(store) == ({"READY": 3, "WAITING": 1}, "", 1)


def test_states_are_always_those_of_now(store):
    look(store, PLAIN)
    finish(store, "double")
    assert look(store) == ({"FINISHED": 3, "READY": 1}, "", 2)
    store.remove(jug.task.alltasks[0].hash())
    assert look(store) == ({"FINISHED": 2, "READY": 1, "WAITING": 1}, "", 2)


def test_a_changed_jugfile_is_run_again(store):
    look(store, PLAIN)
    assert look(store, PLAIN + "\nanother = double(7)\n") == ({"READY": 4, "WAITING": 1}, "", 2)


def test_a_changed_module_of_the_user_is_noticed(store, tmp_path):
    look(store, PLAIN)
    (tmp_path / "helper.py").write_text("constant = 1\n")
    assert look(store)[2] == 2


def test_a_barrier_that_opens_is_noticed(store):
    counts, waits_for, runs = look(store, BARRIER)
    assert (counts, runs) == ({"READY": 3, "WAITING": 1}, 1)
    assert waits_for == "jugfile.double has no result yet"
    assert look(store)[2] == 1
    finish(store, "double", "total")  # runs the jugfile itself
    assert look(store) == ({"FINISHED": 4, "READY": 1}, "", 3)
    assert look(store)[2] == 3


def test_a_barrier_that_closes_again_is_noticed(store):
    look(store, BARRIER)
    finish(store, "double", "total")
    look(store)
    store.remove(jug.task.alltasks[0].hash())
    counts, waits_for, _ = look(store)
    assert counts == {"FINISHED": 3, "READY": 1}
    assert waits_for


def test_other_arguments_are_another_graph(store):
    look(store, PLAIN)
    StatusCache("cache.sqlite3", pytest.fail).graph(Jugfile("jugfile.py", ["more"]), "jugdir", store)
    assert look(store)[2] == 2


@pytest.mark.parametrize("content", [b"", b"garbage", b"SQLite format 3\0" + bytes(100)])
def test_a_damaged_file_is_made_anew(store, tmp_path, content):
    (tmp_path / DEFAULT_FILE).write_bytes(content)
    assert look(store, PLAIN, DEFAULT_FILE)[2] == 1
    assert look(store, None, DEFAULT_FILE)[2] == 1


def test_clearing_removes_the_file_and_is_no_error_without_one(store, tmp_path):
    look(store, PLAIN)
    StatusCache("cache.sqlite3", pytest.fail).clear()
    assert not (tmp_path / "cache.sqlite3").exists()
    StatusCache("cache.sqlite3", pytest.fail).clear()
    assert look(store)[2] == 2


def test_the_restored_graph_is_the_same(store):
    look(store, PLAIN)
    graph, _, _ = StatusCache("cache.sqlite3", pytest.fail).graph(Jugfile("jugfile.py"), "jugdir", store)
    Jugfile("jugfile.py").load()
    made = Graph(jug.task.alltasks)
    assert [t.name for t in graph.tasks] == [t.name for t in made.tasks]
    assert graph.index == made.index
    assert graph.edges() == made.edges()
    assert Status(graph, store).by_name() == Status(made, store).by_name()
    assert State.READY in Status(graph, store).states


def test_nothing_in_the_file_is_unpickled(store, monkeypatch):
    import pickle

    look(store, PLAIN)
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "load", None)
    assert look(store)[2] == 1


def test_connections_are_closed(store):
    look(store, PLAIN)
    db = sqlite3.connect("cache.sqlite3", timeout=0)
    db.execute("BEGIN EXCLUSIVE")
    db.close()


def test_a_link_that_is_called_like_a_cache_does_not_make_one_of_a_file(store):
    """Others can make one, if they can write to this folder."""
    Path("thesis").write_text("mine")
    Path(DEFAULT_FILE).symlink_to("thesis")
    complaints = []
    cache = StatusCache(DEFAULT_FILE, complaints.append)
    Path("jugfile.py").write_text(PLAIN)
    for step in (cache.clear, lambda: cache.graph(Jugfile("jugfile.py"), "jugdir", store)):
        try:
            step()
        except CacheFileError as error:
            complaints.append(str(error))
        assert Path("thesis").read_text() == "mine"
    refusal = f"The cache file {DEFAULT_FILE!r} is not a cache of jug status: it is left alone"
    assert complaints == [refusal, f"{refusal}; the status is right, but not kept"]


def test_the_cache_may_be_a_link_to_a_cache(store):
    look(store, PLAIN, file="cache.sqlite3")
    Path(DEFAULT_FILE).symlink_to("cache.sqlite3")
    assert look(store, file=DEFAULT_FILE) == look(store, file="cache.sqlite3")
    assert Path(DEFAULT_FILE).is_symlink()
