import os
import pickle

import pytest
from recorder import Recorder

from jug.backends.dict_store import dict_store
from jug.errors import StoreError


def test_the_dict_holds_pickles_and_the_state_of_locks(name):
    store = dict_store()
    store.dump([1], name)
    lock = store.getlock(name)
    lock.get()
    assert store.store == {b"result:" + name: pickle.dumps([1], pickle.HIGHEST_PROTOCOL), b"lock:" + name: 1}
    lock.fail()
    assert store.store[b"lock:" + name] == 2


def test_operations_are_counted_by_kind_and_key(name):
    store = dict_store()
    store.dump(1, name)
    store.load(name)
    store.can_load(name)
    store.remove(name)
    lock = store.getlock(name)
    for step in (lock.get, lock.is_locked, lock.is_failed, lock.fail, lock.release):
        step()
    kinds = [b"dump::", b"load:", b"del:", b"true-del:"]
    locks = [b"lock:", b"islock:", b"isfail:", b"fail:", b"unlock:"]
    expected = {kind + name: 1 for kind in kinds} | {kind + b"lock:" + name: 1 for kind in locks}
    assert dict(store.counts) == {**expected, b"exists:" + name: 2}


def test_a_file_keeps_results_and_locks_from_close_to_open(tmp_path, names):
    path = str(tmp_path / "kept")
    store = dict_store(path)
    store.dump([1], names[0])
    store.getlock(names[1]).get()
    assert os.listdir(tmp_path) == []
    store.close()
    assert os.listdir(tmp_path) == ["kept"]
    again = dict_store(path)
    assert again.load(names[0]) == [1]
    assert again.lock_states() == {names[1]: False}


def test_the_file_is_a_plain_pickle_that_old_releases_read(tmp_path, name):
    store = dict_store(str(tmp_path / "kept"))
    store.getlock(name).get()
    store.close()
    data = (tmp_path / "kept").read_bytes()
    assert b"jug" not in data
    assert pickle.loads(data) == {b"lock:" + name: 1}


def test_a_process_killed_while_it_saves_leaves_what_was_there(tmp_path, names):
    path = tmp_path / "kept"
    at, died = 0, True
    while died:
        path.write_bytes(pickle.dumps({b"result:" + names[0]: pickle.dumps("old")}))
        pid = os.fork()
        if pid == 0:
            store = dict_store(str(path), fs=Recorder(kill_before=at))
            store.dump("new", names[0])
            store.close()
            os._exit(0)
        died = os.waitpid(pid, 0)[1] != 0
        assert dict_store(str(path)).load(names[0]) in (["old", "new"] if died else ["new"])
        at += 1
    assert at > 8


def test_nothing_is_written_when_nothing_changed(tmp_path, name):
    path = tmp_path / "kept"
    dict_store(str(path)).close()
    assert not path.exists()


@pytest.mark.parametrize("data", [b"", b"garbage", pickle.dumps([1])], ids=["empty", "garbage", "list"])
def test_a_file_that_is_something_else_is_named_and_left_alone(tmp_path, data):
    path = tmp_path / "kept"
    path.write_bytes(data)
    with pytest.raises(StoreError, match="kept"):
        dict_store(str(path))
    assert path.read_bytes() == data


def test_a_file_that_cannot_be_written_is_named(tmp_path, name):
    store = dict_store(str(tmp_path / "kept"))
    store.dump(1, name)
    (tmp_path / "kept").mkdir()
    with pytest.raises(StoreError, match="Cannot write .*/kept"):
        store.close()


def test_a_file_that_cannot_be_written_for_want_of_its_directory_is_told_before_the_first_result(tmp_path):
    with pytest.raises(StoreError, match="Cannot read .*missing/kept: No such file or directory"):
        dict_store(str(tmp_path / "missing" / "kept"))


def test_removing_the_store_removes_its_file(tmp_path, name):
    uri = f"dict_store:{tmp_path / 'kept'}"
    store = dict_store(str(tmp_path / "kept"))
    store.dump(1, name)
    store.close()
    dict_store.remove_store(uri)
    assert os.listdir(tmp_path) == []
