"""What every store promises (jug/backends/base.py)."""

import pickle

import pytest
from optional import numpy as np

from jug.errors import UnloadableResultError

OBJECTS = {
    "none": None,
    "int": 42,
    "bigint": 7**100,
    "float": 2.5,
    "str": "Jürgen ☃",
    "empty str": "",
    "empty bytes": b"",
    "bytes": b"\x00\xff" * 10,
    "list": [1, [2, (3, None)]],
    "dict": {"a": {1: 2}},
    "set": {1, 2, 3},
    "slice": slice(1, 2),
    "long": list(range(100_000)),
    "text that looks like an array": "\x93NUMPY",
    "bytes that look like parquet": b"PAR1",
}
ARRAYS = {
    "floats": np.arange(12.0).reshape(3, 4),
    "small ints": np.arange(5, dtype="i1"),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "no dimension": np.array(3),
    "nothing": np.zeros((0, 3)),
    "records": np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
    "strings": np.array(["a", "bcd"]),
    "dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "strided": np.arange(20)[::3],
    "objects": np.array([1, "a", None], dtype=object),
    "records with objects": np.array([(1, "x")], dtype=[("a", "i4"), ("b", "O")]),
    "masked": np.ma.array([1, 2], mask=[True, False]),
    "matrix": np.array([[1, 2]]).view(np.matrix),
    "large": np.arange(500_000.0),
    "large fortran": np.asfortranarray(np.arange(400_000.0).reshape(400, 1000)),
    "scalar": np.float32(1.5),
}


class Unpicklable:
    def __reduce__(self):
        raise TypeError("this cannot be pickled")


class Active:
    def __init__(self, name):
        self._name = name

    def hash(self):
        return self._name


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_comes_back_as_it_was(store, reopen, name, kind):
    store.dump(OBJECTS[kind], name)
    assert reopen().can_load(name)
    loaded = reopen().load(name)
    assert loaded == OBJECTS[kind]
    assert type(loaded) is type(OBJECTS[kind])


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_comes_back_as_it_was(store, reopen, name, kind):
    array = ARRAYS[kind]
    store.dump(array, name)
    loaded = reopen().load(name)
    assert type(loaded) is type(array)
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape
    np.testing.assert_array_equal(loaded, array)


def test_a_loaded_array_can_be_written_to(store, name):
    store.dump(np.zeros(3), name)
    store.load(name)[0] = 1
    assert store.load(name)[0] == 0


def test_a_data_frame_comes_back_as_it_was(store, reopen, name):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2], "b": ["x", None]})
    store.dump(frame, name)
    assert reopen().load(name).equals(frame)


def test_what_is_not_there_cannot_be_loaded(store, name):
    assert not store.can_load(name)
    with pytest.raises((KeyError, FileNotFoundError)):
        store.load(name)


def test_a_name_is_bytes_or_str(store, name):
    store.dump(1, name.decode())
    assert store.load(name) == 1
    assert store.can_load(name.decode())
    assert store.load(name.decode()) == 1
    assert list(store.list()) == [name]
    assert store.getlock(name.decode()).get()
    assert store.getlock(name).is_locked()
    assert store.remove(name.decode())
    assert not store.can_load(name)


def test_a_result_is_replaced(store, reopen, name):
    store.dump([1], name)
    store.dump([2], name)
    assert reopen().load(name) == [2]
    assert list(store.list()) == [name]


def test_what_the_caller_changes_is_not_changed_in_the_store(store, name):
    value = [1]
    store.dump(value, name)
    value.append(2)
    store.load(name).append(3)
    assert store.load(name) == [1]


def test_what_cannot_be_stored_leaves_what_was_there(store, reopen, name, names):
    store.dump("old", name)
    for target in (name, names[0]):
        with pytest.raises(TypeError, match="cannot be pickled"):
            store.dump([1, Unpicklable()], target)
    assert list(reopen().list()) == [name]
    assert reopen().load(name) == "old"


def test_results_are_listed(store, reopen, names):
    for name in names:
        store.dump(None, name)
    assert sorted(reopen().list()) == sorted(names)


def test_an_empty_store_has_nothing(store):
    assert list(store.list()) == []
    assert list(store.listlocks()) == []
    assert store.lock_states() == {}
    assert store.remove_locks() == 0
    assert store.cleanup([]) == 0
    assert store.listing().refresh() == (set(), set())


def test_remove_tells_whether_there_was_a_result(store, name):
    store.dump(None, name)
    assert store.remove(name)
    assert not store.remove(name)
    assert list(store.list()) == []


@pytest.mark.parametrize("number", [3, 200])
def test_first_missing_is_the_first_without_a_result_now(store, number):
    many = [b"%040x" % (i * 7919**8) for i in range(number)]
    for name in many:
        store.dump(1, name)
    assert store.first_missing(many) is None
    assert store.first_missing([]) is None
    assert store.first_missing([name.decode() for name in many]) is None
    store.remove_many([many[2], many[-1]])
    assert store.first_missing(many) == many[2]
    store.dump(2, many[2])
    assert store.first_missing(many) == (many[-1] if number > 3 else None)


def test_remove_many_returns_what_there_was(store, names):
    for name in names[:5]:
        store.dump(1, name)
    assert store.remove_many(iter(names[3:7])) == set(names[3:5])
    assert sorted(store.list()) == sorted(names[:3])


def test_load_many_keeps_the_order(store, names):
    for i, name in enumerate(names):
        store.dump(i, name)
    assert list(store.load_many(names[::-1])) == [(names[i], i) for i in range(9, -1, -1)]


def test_cleanup_keeps_the_results_of_active_tasks(store, names):
    for name in names:
        store.dump(1, name)
    assert store.getlock(names[0]).get() and store.getlock(names[0]).fail()
    assert store.cleanup([names[1], Active(names[2]), names[3].decode()]) == 7
    assert sorted(store.list()) == sorted(names[1:4])
    assert list(store.listlocks()) == []


def test_cleanup_leaves_alone_what_somebody_is_at_work_at(store, names):
    for name in names:
        store.dump(1, name)
    lock = store.getlock(names[0])
    assert lock.get()
    assert store.cleanup([names[1]]) == 8
    assert sorted(store.list()) == sorted(names[:2])
    assert list(store.listlocks()) == [names[0]]
    lock.release()
    assert list(store.listlocks()) == []


def test_cleanup_can_keep_locks(store, names):
    assert store.getlock(names[0]).get()
    assert store.cleanup([], keeplocks=True) == 0
    assert list(store.listlocks()) == [names[0]]


def test_a_listing_tells_what_changed(store, reopen, names):
    listing = store.listing()
    assert listing.refresh() == (set(), set())
    other = reopen()
    other.dump(1, names[0])
    other.dump(1, names[1])
    assert listing.refresh() == ({names[0], names[1]}, set())
    assert listing.refresh() == (set(), set())
    other.remove(names[0])
    other.dump(2, names[1])
    other.dump(1, names[2])
    assert listing.refresh() == ({names[2]}, {names[0]})


def test_there_may_be_many_results(store, reopen):
    many = {b"%040x" % (i * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276B % 2**160) for i in range(2_000)}
    for name in many:
        store.dump(None, name)
    assert set(reopen().list()) == many
    assert reopen().listing().refresh() == (many, set())


def test_an_object_of_a_missing_class_is_an_error_and_not_a_missing_result(store, name, monkeypatch):
    store.dump(Active(name), name)
    monkeypatch.setitem(globals(), "Active", None)
    monkeypatch.delitem(globals(), "Active")
    with pytest.raises(UnloadableResultError, match="Active"):
        store.load(name)
    assert store.can_load(name)


def test_creating_twice_does_no_harm(store, reopen, name):
    store.create()
    store.dump(1, name)
    reopen().create()
    assert store.load(name) == 1


def test_metadata_is_none_or_tells_whether_it_is_computed(store, name):
    before = store.metadata(Active(name))
    store.dump(1, name)
    after = store.metadata(Active(name))
    assert (before, after) == (None, None) or (before["computed"], after["computed"]) == (False, True)


def test_a_pickle_that_raises_while_loading_is_let_through_or_reported(store, name):
    store.dump(RaisesOnLoad(), name)
    with pytest.raises(Exception, match="not today"):
        store.load(name)


class RaisesOnLoad:
    def __reduce__(self):
        return _raise, ()


def _raise():
    raise pickle.UnpicklingError("not today")
