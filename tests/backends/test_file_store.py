import os
import time
import zlib

import pytest
from memory_fs import MemoryFS, on
from optional import numpy as np

from jug.backends.encode import encode
from jug.backends.file_store import file_store, fsync_dir
from jug.errors import StoreError

SECOND = 10**9


class Task:
    def __init__(self, name):
        self._name = name

    def hash(self):
        return self._name


@pytest.fixture
def jugdir(tmp_path):
    return tmp_path / "jugdir"


def bytes_of(jugdir, name):
    return (jugdir / name[:2].decode() / name[2:].decode()).read_bytes()


def put(jugdir, name, data):
    (jugdir / name[:2].decode()).mkdir(parents=True, exist_ok=True)
    (jugdir / name[:2].decode() / name[2:].decode()).write_bytes(data)


# What is written


def test_an_object_is_written_encoded(jugdir, name):
    file_store(jugdir).dump([1, 2], name)
    assert bytes_of(jugdir, name)[:-31] == encode([1, 2])


def test_none_is_not_an_empty_file(jugdir, name):
    file_store(jugdir).dump(None, name)
    assert zlib.decompress(bytes_of(jugdir, name)[:-31])[:1] == b"P"


def test_an_empty_file_is_none(jugdir, name):
    put(jugdir, name, b"")
    assert file_store(jugdir).load(name) is None
    assert list(file_store(jugdir).list()) == [name]


@pytest.mark.parametrize("length", [3, 500_000])
def test_an_array_is_a_bare_npy_file(jugdir, name, length):
    array = np.arange(float(length))
    file_store(jugdir).dump(array, name)
    np.testing.assert_array_equal(np.load(jugdir / name[:2].decode() / name[2:].decode()), array)


def test_an_array_is_compressed_on_request(jugdir, name):
    file_store(jugdir, compress_numpy=True).dump(np.arange(3), name)
    assert bytes_of(jugdir, name)[:-31] == encode(np.arange(3))
    assert file_store(jugdir).load(name).tolist() == [0, 1, 2]


def test_a_data_frame_is_parquet_unless_compressed(jugdir, names):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2]})
    file_store(jugdir).dump(frame, names[0])
    file_store(jugdir, compress_numpy=True).dump(frame, names[1])
    assert bytes_of(jugdir, names[0])[:4] == b"PAR1"
    assert zlib.decompress(bytes_of(jugdir, names[1])[:-31])[:1] == b"P"
    assert file_store(jugdir).load(names[0]).equals(file_store(jugdir).load(names[1]))


def test_only_what_is_needed_is_created(jugdir, name):
    store = file_store(jugdir)
    store.can_load(name)
    list(store.list())
    store.listing().refresh()
    store.lock_states()
    store.getlock(name).is_locked()
    store.remove(name)
    store.cleanup([])
    store.close()
    assert not jugdir.exists()
    store.dump(1, name)
    assert sorted(os.listdir(jugdir)) == sorted([name[:2].decode(), "all-have-checksums", "tempfiles"])
    store.close()
    assert os.listdir(jugdir / "tempfiles") == []


def test_parents_of_the_jugdir_are_made(tmp_path, name):
    file_store(tmp_path / "a" / "b" / "c").dump(1, name)
    assert file_store(tmp_path / "a" / "b" / "c").load(name) == 1


def test_a_jugdir_that_disappears_is_made_again(jugdir, names):
    store = file_store(jugdir)
    store.dump(1, names[0])
    file_store.remove_store(str(jugdir))
    assert not jugdir.exists()
    store.dump(2, names[0])
    assert store.load(names[0]) == 2
    assert store.getlock(names[0]).get()


def test_a_change_of_directory_does_not_move_a_store_in_use(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = file_store("jugdir")
    assert not store.can_load(name)  # which says where it is
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.dump(1, name)
    assert (tmp_path / "jugdir").is_dir()
    assert os.listdir() == []


def test_metadata_says_when_a_result_was_computed(jugdir, name):
    store = file_store(jugdir)
    store.dump(1, name)
    moment = os.stat(store._dir.result(name)).st_mtime
    assert store.metadata(Task(name)) == {"computed": True, "completed": time.ctime(moment)}


def test_fsync_dir_takes_the_name_of_a_file(jugdir, name):
    file_store(jugdir).dump(1, name)
    fsync_dir(str(jugdir / "any"))
    with pytest.raises(OSError, match="missing"):
        fsync_dir(str(jugdir / "missing" / "any"))


# What is damaged, foreign or not to be had


@pytest.mark.parametrize(
    "value", [list(range(100)), np.arange(100), np.arange(50_000.0)], ids=["pickle", "npy", "large"]
)
def test_a_result_that_is_cut_short_is_reported_with_its_path(jugdir, name, value):
    store = file_store(jugdir)
    store.dump(value, name)
    whole = bytes_of(jugdir, name)
    for length in {1, 5, 20, len(whole) // 2, len(whole) - 1}:
        put(jugdir, name, whole[:length])
        with pytest.raises(StoreError, match=f"{name[2:].decode()} is damaged"):
            store.load(name)


def test_a_damaged_data_frame_is_reported_with_its_path(jugdir, name):
    pytest.importorskip("polars")
    put(jugdir, name, b"PAR1 but no more")
    with pytest.raises(StoreError, match="is damaged"):
        file_store(jugdir).load(name)


def test_foreign_names_break_nothing_and_stay(jugdir, name):
    store = file_store(jugdir)
    store.dump(1, name)
    foreign = [
        "zz",
        "é",
        "README.md",
        "ab.txt",
        "AB",
        "abc",
        "packs/mine",
        f"{name[:2].decode()}/é",
        "00/notes",
    ]
    for path in foreign:
        (jugdir / path).parent.mkdir(exist_ok=True)
        (jugdir / path).write_text("mine")
    (jugdir / "01").write_text("a file where a directory would be")
    assert list(store.list()) == [name]
    assert store.listing().refresh() == ({name, b"00notes"}, set())  # whoever asks for this name finds the file
    assert store.can_load(b"00notes")
    assert not store.can_load("01" + "0" * 38)
    assert not store.remove("01" + "0" * 38)
    with pytest.raises(StoreError, match="Not a directory"):
        store.dump(1, "01" + "0" * 38)
    assert store.cleanup([]) == 1
    file_store.remove_store(str(jugdir))
    assert all((jugdir / path).read_text() == "mine" for path in foreign)
    assert (jugdir / "01").is_file()


def test_removing_the_store_removes_what_jug_made(jugdir, names):
    store = file_store(jugdir)
    for name in names:
        store.dump(1, name)
        store.getlock(name).get()
    (jugdir / "packs").mkdir()
    (jugdir / "packs" / "jugpack").write_bytes(encode({names[0]: 1}))
    (jugdir / "tempfiles" / "r-1-abc").write_text("left by a killed worker")
    (jugdir / "tempfiles" / "GvAiFCFTkKsudsBulSrFyciw").write_text("left by an old release")
    file_store.remove_store(str(jugdir))
    assert not jugdir.exists()
    file_store.remove_store(str(jugdir))


@pytest.mark.parametrize("below", ["", "x", "x/y"])
def test_a_jugdir_that_is_no_directory_is_an_error(tmp_path, name, below):
    (tmp_path / "file").write_text("")
    store = file_store(tmp_path / "file" / below)
    path = str(tmp_path / "file" / below).rstrip("/")
    steps = [
        lambda: store.dump(1, name),
        lambda: store.load(name),
        lambda: store.can_load(name),
        lambda: list(store.list()),
        lambda: store.listing().refresh(),
        lambda: list(store.listlocks()),
        lambda: store.getlock(name).get(),
        store.create,
    ]
    for step in steps:
        with pytest.raises(StoreError) as error:
            step()
        assert path in str(error.value)
        assert "Not a directory" in str(error.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_jugdir_that_cannot_be_written_is_an_error(jugdir, name):
    jugdir.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        file_store(jugdir).dump(1, name)


@pytest.mark.parametrize("number", [5, 13], ids=["EIO", "EACCES"])
def test_a_result_that_cannot_be_read_is_not_a_missing_one(name, number):
    fs = MemoryFS()
    store = file_store("/jugdir", **on(fs))
    store.dump(1, name)

    def refuse(path):
        raise OSError(number, os.strerror(number), path)

    fs.open_read = fs.stat = refuse
    for step in (store.load, store.can_load, store.remove_many):
        with pytest.raises(StoreError, match=os.strerror(number)):
            step([name] if step == store.remove_many else name)


@pytest.mark.parametrize("name", ["../../x", "ab/../../x", "a", ""])
def test_a_name_cannot_lead_out_of_the_jugdir(jugdir, name):
    with pytest.raises(ValueError, match="not the name of a result"):
        file_store(jugdir).dump(1, name)


# Listing


def test_listing_20_000_results(tmp_path):
    names = {b"%02x%038x" % (i % 256, i) for i in range(20_000)}
    for name in sorted(names):
        put(tmp_path, name, b"")
    store = file_store(tmp_path)
    listing = store.listing()
    assert set(store.list()) == names
    assert listing.refresh() == (names, set())
    assert listing.refresh() == (set(), set())
    put(tmp_path, b"f" * 40, b"")
    os.unlink(store._dir.result(b"00" + b"0" * 38))
    assert listing.refresh() == ({b"f" * 40}, {b"00" + b"0" * 38})


class Coarse(MemoryFS):
    """Time stamps that move only when told to; remembers which directories were listed."""

    def __init__(self):
        super().__init__()
        self.tick = 0
        self.listed = []

    def listdir(self, path):
        self.listed.append(path)
        return super().listdir(path)


@pytest.fixture
def coarse():
    return Coarse()


def test_a_change_within_one_step_of_the_clock_is_seen(coarse, names):
    store = file_store("/jugdir", **on(coarse))
    listing = store.listing()
    for name in names:
        store.dump(1, name)
        assert listing.refresh() == ({name}, set())
        store.remove(name)
        assert listing.refresh() == (set(), {name})
    for last in b"0123456789abcdef":
        name = b"ab" + b"0" * 37 + bytes([last])
        store.dump(1, name)
        assert listing.refresh() == ({name}, set())


def test_only_directories_that_may_have_changed_are_listed_again(coarse):
    store = file_store("/jugdir", **on(coarse))
    old = [b"%02x" % i + b"0" * 38 for i in range(50)]
    for name in old:
        store.dump(1, name)
    coarse.clock_ns += 10 * SECOND
    store.dump(1, b"ff" + b"0" * 38)
    coarse.clock_ns += 10 * SECOND
    store.dump(1, b"fe" + b"0" * 38)
    listing = store.listing()
    listing.refresh()
    coarse.listed.clear()
    assert listing.refresh() == (set(), set())
    assert set(coarse.listed) == {"/jugdir", "/jugdir/fe"}
    coarse.clock_ns += 1
    store.remove(old[3])
    coarse.listed.clear()
    assert listing.refresh() == (set(), {old[3]})
    assert set(coarse.listed) == {"/jugdir", "/jugdir/fe", "/jugdir/03"}


def test_a_jugdir_made_later_is_seen(coarse, name):
    listing = file_store("/jugdir", **on(coarse)).listing()
    assert listing.refresh() == (set(), set())
    file_store("/jugdir", **on(coarse)).dump(1, name)
    assert listing.refresh() == ({name}, set())
    file_store("/jugdir", **on(coarse)).remove(name)
    coarse.rmdir("/jugdir/" + name[:2].decode())
    assert listing.refresh() == (set(), {name})
