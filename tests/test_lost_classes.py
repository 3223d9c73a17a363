"""Results whose class, or its module, is gone: task, hash and place are named, and nothing is taken for damaged."""

import sys
import types

import pytest
from processes import jug, write
from redis_server import shared_server

import jug as package
from jug import Task, task
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.errors import UnloadableResultError

JUGFILE = """
from jug import TaskGenerator

class Point:
    pass

@TaskGenerator
def make():
    return Point()

@TaskGenerator
def use(point):
    return 1

used = use(make())
"""


@pytest.fixture
def point(monkeypatch):
    """An object of a class in a module that can be made to disappear."""
    module = types.ModuleType("lost_module")
    module.Point = type("Point", (), {"__module__": "lost_module"})
    monkeypatch.setitem(sys.modules, "lost_module", module)
    return module.Point()


def make():
    raise AssertionError("it has been run before")


@pytest.mark.parametrize("lost", ["the class", "the module"])
@pytest.mark.parametrize("way", ["file", "group", "pack"])
def test_task_hash_and_file_are_named(tmp_path, point, monkeypatch, lost, way):
    store = package.set_jugdir(file_store(tmp_path / "results"))
    made = Task(make)
    if way == "group":
        lock = store.getlock(made.hash())
        assert lock.get()
        assert store.dump_soon(point, made.hash(), lock) is None
    else:
        store.dump(point, made.hash())
    store.flush()
    if way == "pack":
        store.pack()
    store.close()
    if lost == "the class":
        del sys.modules["lost_module"].Point
    else:
        monkeypatch.setitem(sys.modules, "lost_module", None)
    with pytest.raises(UnloadableResultError) as raised:
        made.value()
    told = str(raised.value)
    assert made.name in told and made.hash().decode() in told and str(tmp_path / "results") in told
    assert "lost_module" in told and "damaged" not in told
    assert isinstance(raised.value, RuntimeError)  # as with 2.7
    assert made.can_load() and not (tmp_path / "results" / "corrupt").exists()
    task.Task.store = dict_store()


class Raising:
    """Raises what it is told to when it is read back."""

    error = None

    def __setstate__(self, state):
        raise Raising.error

    def __getstate__(self):
        return {"a": 1}


@pytest.mark.parametrize("kind", [KeyError, ValueError, TypeError, OSError, FileNotFoundError, ZeroDivisionError])
@pytest.mark.parametrize("way", ["file", "dict_store"])
def test_what_an_object_raises_is_not_damage(tmp_path, monkeypatch, kind, way):
    store = package.set_jugdir(file_store(tmp_path / "results") if way == "file" else dict_store())
    monkeypatch.setattr(Raising, "error", kind("why"))
    made = Task(make)
    store.dump(Raising(), made.hash())
    for load in (made.value, lambda: list(store.load_many([made.hash()]))):
        with pytest.raises(UnloadableResultError, match=rf"cannot be loaded: {kind.__name__}: .?why") as raised:
            load()
        assert raised.value.__cause__ is Raising.error
    assert made.can_load()
    task.Task.store = dict_store()


def test_so_they_are_on_redis(point):
    package.set_jugdir(shared_server().url)
    made = Task(make)
    Task.store.dump(point, made.hash())
    del sys.modules["lost_module"].Point
    with pytest.raises(UnloadableResultError, match=rf"task {made.hash().decode()}\) on the Redis server"):
        made.value()
    Task.store.close()
    task.Task.store = dict_store()


def test_a_worker_says_what_it_cannot_load(tmp_path):
    path = write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute", "--name", "make").code == 0
    path.write_text(JUGFILE.replace("class Point", "class Renamed"))
    done = jug(tmp_path, "execute")
    assert done.code == 1
    assert "The result of jugfile.make (task " in done.err and "cannot be loaded: AttributeError" in done.err
    assert "jugfile.jugdata" in done.err
    path.write_text(JUGFILE)  # nothing was lost
    assert jug(tmp_path, "execute").code == 0
