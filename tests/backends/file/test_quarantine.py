"""Whatever happens to the file of a result: it is never returned as if it were the result."""

import os
import random
from pathlib import Path

import pytest
from kinds import is_same, value_of
from optional import numpy as np

from jug.backends.encode import encode
from jug.backends.file.pack.pack_format import new_entry
from jug.backends.file_store import file_store
from jug.errors import DamagedResultError

KINDS = ["pickle", "npy", "large", "none", "parquet"]
SEAL = 31


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def store(tmp_path):
    return file_store(tmp_path / "jugdir")


def is_refused(store, name):
    try:
        store.load(name)
    except DamagedResultError as error:
        return store._dir.result(name) in str(error) and error.name == name
    return False


def overwrite(store, name, data):
    with open(store._dir.result(name), "wb") as stream:
        stream.write(data)


def stored(store, name, kind):
    """The bytes of the file of a result of this kind."""
    value = value_of(kind)
    store.dump(value, name)
    assert is_same(store.load(name), value)
    with open(store._dir.result(name), "rb") as stream:
        return stream.read()


def test_one_flipped_bit_anywhere_is_found(store, name, kind):
    whole = stored(store, name, kind)
    chance = random.Random(4)
    ends = {*range(min(300, len(whole))), *range(max(0, len(whole) - 300), len(whole))}
    for at in sorted({*ends, *(chance.randrange(len(whole)) for _ in range(20))}):
        data = bytearray(whole)
        data[at] ^= 1 << chance.randrange(8)
        overwrite(store, name, data)
        assert is_refused(store, name), at


def test_a_file_that_was_cut_anywhere_is_found(store, name, kind):
    whole = stored(store, name, kind)
    chance = random.Random(5)
    lengths = {*range(min(200, len(whole))), *range(max(0, len(whole) - 100), len(whole))}
    for length in sorted({*lengths, *(chance.randrange(len(whole)) for _ in range(20))}):
        overwrite(store, name, whole[:length])
        if kind != "parquet" and length == len(whole) - SEAL:
            # As old releases write them; nothing of the value is missing.
            assert is_same(store.load(name), value_of(kind))
        else:
            assert is_refused(store, name), length


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"garbage",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"PAR1PAR1",
        bytes(100),
        bytes(100_000),
        b"\x93NUMPY" * 20_000,
    ],
    ids=["nothing", "text", "picture", "parquet", "zeros", "many zeros", "npy"],
)
def test_foreign_content_is_found(store, name, foreign):
    if foreign.startswith(b"\x93NUMPY"):
        pytest.importorskip("numpy")
    store.dump(1, name)
    overwrite(store, name, foreign)
    assert is_refused(store, name)


@pytest.mark.parametrize("more", [b"x", bytes(31), bytes(100_000)])
def test_what_was_appended_is_found(store, name, kind, more):
    whole = stored(store, name, kind)
    overwrite(store, name, whole + more)
    assert is_refused(store, name)


def test_files_of_old_releases_have_no_checksum_and_are_read(store, name, kind):
    whole = stored(store, name, kind)
    if kind == "parquet":
        at = whole.rindex(b"JUGSUM1")
        without = whole[:at] + whole[at + SEAL :]
    else:
        without = whole[:-SEAL]
    overwrite(store, name, without)
    assert is_same(store.load(name), value_of(kind))
    assert store.set_aside(name) is None
    for length in {len(without) // 2, len(without) - 1}:
        overwrite(store, name, without[:length])
        assert is_refused(store, name)


def test_an_empty_file_is_none_only_where_an_old_release_made_the_jugdir(tmp_path, store, name):
    (tmp_path / "old").mkdir()
    old = file_store(tmp_path / "old")
    for each in (old, store):
        each.dump(None, name)
        overwrite(each, name, b"")
    assert old.load(name) is None and old.set_aside(name) is None
    assert is_refused(store, name)
    assert store.pack().unreadable == [store._dir.result(name)]
    assert store.set_aside(name)
    assert old.pack().packed == 1 and old.load(name) is None


def test_other_readers_read_what_we_write(store, name):
    """Those that know nothing of checksums."""
    array = np.arange(1000.0)
    store.dump(array, name)
    path = store._dir.result(name)
    assert np.load(path).tolist() == array.tolist()
    assert np.load(path, mmap_mode="r").tolist() == array.tolist()
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2]})
    store.dump(frame, name)
    assert polars.read_parquet(path).equals(frame)
    assert polars.scan_parquet(path).collect().equals(frame)


@pytest.mark.parametrize(
    "make", ["zeros((0, 3))", "array(5)", "zeros((500, 500), order='F')", "zeros(300_000, 'M8[s]')"]
)
def test_arrays_of_any_shape_come_back(store, name, make):
    array = eval(f"np.{make}", {"np": np})
    store.dump(array, name)
    found = store.load(name)
    assert (found.shape, found.dtype, found.tobytes()) == (array.shape, array.dtype, array.tobytes())


# Setting aside


def test_a_damaged_result_is_moved_as_it_is(store, name, kind):
    whole = stored(store, name, kind)
    overwrite(store, name, whole[:-40])
    place = store.set_aside(name)
    assert os.path.dirname(place) == store._dir.path("corrupt")
    assert os.path.basename(place).startswith(name.decode() + ".")
    with open(place, "rb") as stream:
        assert stream.read() == whole[:-40]
    assert not store.can_load(name) and list(store.list()) == []


def test_nothing_that_was_set_aside_is_overwritten(store, name):
    for n in range(5):
        store.dump(n, name)
        overwrite(store, name, b"%d" % n)
        assert store.set_aside(name)
    found = sorted(path.read_bytes() for path in Path(store._dir.path("corrupt")).iterdir())
    assert found == [b"%d" % n for n in range(5)]


def test_only_damaged_results_are_set_aside(store, name, names, kind):
    stored(store, name, kind)
    assert store.set_aside(name) is None
    assert store.set_aside(names[-1]) is None
    assert store.can_load(name) and not os.path.exists(store._dir.path("corrupt"))


class NeverUnpickled:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_looking_for_damage_unpickles_nothing(store, name):
    store.dump(NeverUnpickled(), name)
    assert store.set_aside(name) is None
    overwrite(store, name, encode(NeverUnpickled()))
    assert store.set_aside(name) is None


def test_a_store_is_removed_with_what_was_set_aside(store, name):
    store.dump(1, name)
    overwrite(store, name, b"x")
    store.set_aside(name)
    file_store.remove_store(store.jugdir)
    assert not os.path.exists(store.jugdir)


def test_packing_makes_entries_with_a_checksum_of_their_own_and_leaves_what_is_damaged(store, names):
    values = [[1, 2], None, "x" * 3]
    for name, value in zip(names, values, strict=False):
        store.dump(value, name)
    with open(store._dir.result(names[0]), "rb") as stream:
        whole = stream.read()
    damaged = whole[:-1] + bytes([whole[-1] ^ 1])
    overwrite(store, names[0], damaged)
    done = store.pack()
    assert (done.packed, done.unreadable) == (2, [store._dir.result(names[0])])
    assert [store.load(name) for name in names[1:3]] == values[1:]
    assert store._packs._look().entries[names[2]] == new_entry(names[2], encode("xxx"))
