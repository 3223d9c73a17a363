"""Which store the tasks use, and when it is closed."""

import pytest
from processes import jug as run
from processes import write

import jug
from jug import task
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.barrier import BarrierError
from jug.engine.loading.stores import current_store, set_jugdir, stores_of_a_command
from jug.errors import StoreError, UsageError
from jug.jug import execution_loop
from jug.options import parse


class PlainLock:
    """A lock that has only the methods."""

    def __init__(self, locked, name):
        self.locked, self.name = locked, name

    def get(self):
        was_locked = self.name in self.locked
        self.locked.add(self.name)
        return not was_locked

    def release(self):
        self.locked.discard(self.name)

    def is_locked(self):
        return self.name in self.locked

    def fail(self):
        return False

    def is_failed(self):
        return False


class OnlyMethods:
    """A store that has only the methods of 2.7."""

    def __init__(self):
        self.results, self.locked = {}, set()

    def dump(self, object, name):
        self.results[name] = object

    def load(self, name):
        return self.results[name]

    def can_load(self, name):
        return name in self.results

    def list(self):
        return list(self.results)

    def listlocks(self):
        return list(self.locked)

    def remove(self, name):
        return self.results.pop(name, None) is not None

    def remove_locks(self):
        return 0

    def getlock(self, name):
        return PlainLock(self.locked, name)

    def close(self):
        pass


def test_set_jugdir_chooses_the_store(tmp_path):
    store = set_jugdir(str(tmp_path / "results"))
    assert isinstance(store, file_store) and jug.Task.store is store
    mine = dict_store()
    assert set_jugdir(mine) is mine and isinstance(jug.set_jugdir("dict_store"), dict_store)
    with pytest.raises(UsageError, match="unheard-of"):
        set_jugdir("unheard-of:place")


def test_the_store_that_a_jugfile_chooses_counts():
    default, chosen = dict_store(), dict_store()
    assert current_store(default) is default
    set_jugdir(chosen)
    assert current_store(default) is chosen


def test_within_a_command_the_same_words_mean_the_same_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with stores_of_a_command():
        store = set_jugdir("dict_store")
        set_jugdir("other")
        assert set_jugdir("dict_store") is store
    assert set_jugdir("dict_store") is not store


def test_all_stores_that_a_command_names_are_closed_at_its_end(tmp_path):
    def fail_with_two_stores():
        with stores_of_a_command():
            for name in ("one", "two"):
                set_jugdir(f"dict_store:{tmp_path / name}").dump(1, b"a" * 40)
            raise KeyError("its own error")

    with pytest.raises(KeyError, match="its own error"):
        fail_with_two_stores()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_store_that_cannot_be_closed_does_not_keep_the_others_from_being_saved(tmp_path):
    def use_them():
        with stores_of_a_command():
            for name in ("two", "gone/one", "three"):
                (tmp_path / "gone").mkdir(exist_ok=True)
                set_jugdir(f"dict_store:{tmp_path / name}").dump(1, b"a" * 40)
            (tmp_path / "gone").rmdir()

    with pytest.raises(StoreError, match="Cannot write .*gone/one"):
        use_them()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["three", "two"]


def test_a_store_of_somebody_else_has_all_that_the_engine_asks_for():
    task.Task.store = OnlyMethods()
    assert current_store(dict_store()).adapted is task.Task.store


CHOOSES = """
    import jug
    jug.set_jugdir("{uri}")

    @jug.TaskGenerator
    def double(x):
        return 2 * x

    first = double(1)
    if jug.bvalue(first) == 2:
        second = double(first)
"""


def test_a_store_of_somebody_else_is_given_back_as_it_is():
    theirs = OnlyMethods()
    assert set_jugdir(theirs) is theirs is task.Task.store
    assert current_store(theirs) is current_store(dict_store())  # what adapts it is the same each time


def test_a_store_of_somebody_else_need_not_be_told_of():
    theirs = task.Task.store = OnlyMethods()
    one = jug.Task(abs, -3)
    with pytest.raises(BarrierError):
        jug.barrier()
    assert not execution_loop(list(task.alltasks), parse(["execute"]))
    jug.barrier()
    assert (jug.bvalue(one), jug.value(one), list(theirs.results)) == (3, 3, [one.hash()])
    one.invalidate()
    assert not one.can_load()
    assert one.lock() and one.is_locked()
    one.unlock()
    assert not one.is_locked()


@pytest.mark.parametrize("uri", ["mine", "dict_store:mine"])
def test_every_command_uses_the_store_that_the_jugfile_chooses(tmp_path, uri):
    write(tmp_path, CHOOSES.format(uri=uri))
    assert run(tmp_path, "execute").table()["Total:"]["Executed"] == 2
    assert not (tmp_path / "jugfile.jugdata").exists()
    assert run(tmp_path, "check").code == 0
    assert run(tmp_path, "sleep-until").code == 0
    assert run(tmp_path, "status").table()["Total:"]["Finished"] == 2
    assert "sees 4" in run(tmp_path, "shell", stdin="print('sees', value(second))\n").out
    assert run(tmp_path, "invalidate", "--name", "double").out.endswith("2 results invalidated.\n")
    assert run(tmp_path, "execute").table()["Total:"]["Executed"] == 2
    write(tmp_path, CHOOSES.format(uri=uri).replace("double(first)", "3"))
    assert run(tmp_path, "cleanup").out == "Removed 1 object\nRemoved 0 locks\n"


def test_set_jugdir_knows_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    set_jugdir("~/results").dump(1, b"a" * 40)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
