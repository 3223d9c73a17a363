import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest
from optional import numpy as np

from jug.backends.encode import decode, encode
from jug.backends.file.pack import pack, packer
from jug.backends.file.pack.pack import Packs
from jug.backends.file.pack.pack_format import Packed
from jug.backends.file.pack.pack_lock import PackLock
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem
from jug.errors import DamagedResultError, StoreError, UnloadableResultError

GOLDEN = Path(__file__).parents[3] / "golden"
EXPECTED = json.loads((GOLDEN / "jugdir-2.7.0-expected.json").read_text())


@pytest.fixture(params=["loose", "packed"])
def golden(request, tmp_path):
    pytest.importorskip("numpy", reason="some of the results are arrays of numpy, which is not installed")
    with tarfile.open(GOLDEN / f"jugdir-2.7.0-{request.param}.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    return file_store(tmp_path / "golden.jugdata")


@pytest.fixture
def packed(tmp_path, names):
    """A store with names[0..4] packed as by an old release, names[4..6] loose."""
    store = file_store(tmp_path)
    store.create()
    write_pack(tmp_path, {name: ["packed", i] for i, name in enumerate(names[:5])})
    for name in names[4:7]:
        store.dump("loose", name)
    return store


def write_pack(path, objects):
    (path / "packs").mkdir(exist_ok=True)
    (path / "packs" / "new").write_bytes(objects if isinstance(objects, bytes) else encode(objects))
    os.replace(path / "packs" / "new", path / "packs" / "jugpack")


@pytest.mark.parametrize("expected", EXPECTED, ids=[f"{e['name']}-{e['hash'][:6]}" for e in EXPECTED])
def test_every_golden_result_is_there(golden, expected):
    assert golden.can_load(expected["hash"])
    assert repr(golden.load(expected["hash"]))[:200] == expected["repr"]


def test_a_golden_jugdir_lists_exactly_its_results(golden):
    hashes = sorted(expected["hash"].encode() for expected in EXPECTED)
    assert set(hashes) <= set(golden.list())
    assert len(list(golden.list())) == len(set(golden.list()))
    assert golden.listing().refresh() == (set(golden.list()), set())


def test_a_golden_jugdir_is_cleaned_and_rewritten(golden):
    keep = [expected["hash"] for expected in EXPECTED[:3]]
    before = len(list(golden.list()))
    assert golden.cleanup(keep) == before - 3
    assert sorted(file_store(golden.jugdir).list()) == sorted(name.encode() for name in keep)
    golden.dump(np.arange(3), keep[0])
    assert golden.load(keep[0]).tolist() == [0, 1, 2]


def test_packed_results_are_seen_and_listed_once(packed, names):
    assert sorted(packed.list()) == sorted(names[:7])
    assert packed.load(names[0]) == ["packed", 0]
    assert packed.load(names[0].decode()) == ["packed", 0]
    assert packed.can_load(names[1].decode())
    assert not packed.can_load(names[7])


def test_a_loose_result_is_newer_than_a_packed_one(packed, names):
    assert packed.load(names[4]) == "loose"


def test_what_the_caller_changes_is_not_changed_in_the_pack(packed, names):
    packed.load(names[0]).append("changed")
    assert packed.load(names[0]) == ["packed", 0]


def test_a_new_pack_is_noticed(packed, tmp_path, names):
    assert not packed.can_load(names[9])
    write_pack(tmp_path, {names[9]: 9})
    assert packed.load(names[9]) == 9
    assert not packed.can_load(names[0])
    os.unlink(tmp_path / "packs" / "jugpack")
    assert not packed.can_load(names[9])


def test_removing_a_packed_result_removes_it(packed, tmp_path, names):
    assert packed.remove(names[0])
    assert not packed.remove(names[0])
    other = file_store(tmp_path)
    assert sorted(other.list()) == sorted(names[1:7])
    assert other.load(names[1]) == ["packed", 1]


def test_removing_what_is_loose_and_packed_removes_both(packed, tmp_path, names):
    assert packed.remove(names[4])
    assert not file_store(tmp_path).can_load(names[4])


def test_removing_many_writes_the_pack_once(packed, names, monkeypatch):
    written = []
    write = Packs._write
    monkeypatch.setattr(Packs, "_write", lambda *args: (written.append(1), write(*args)))
    assert packed.remove_many(names[:6]) == set(names[:6])
    assert list(packed.list()) == [names[6]]
    assert packed.remove_many(names[:6]) == set()
    assert written == [1]


def test_the_lock_of_the_pack_is_no_lock_of_a_task(packed, tmp_path):
    with PackLock(packed._dir) as lock:
        assert lock.is_held()
        assert [*packed.listlocks(), *packed.lock_states()] == []
        assert packed.remove_locks() == 0
        assert os.listdir(tmp_path / "locks") == ["pack-save.lock"]
    assert os.listdir(tmp_path / "locks") == []


def test_a_pack_held_by_somebody_who_is_gone_is_named(packed, tmp_path, names, monkeypatch):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "pack-save.lock").write_text("PID 7 on HOSTNAME elsewhere\nLock created on some day\n")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(packed._fs, "monotonic", lambda: next(clock))
    monkeypatch.setattr(packed._fs, "sleep", lambda seconds: None)
    with pytest.raises(StoreError, match=r"locks/pack-save.lock .*elsewhere:7"):
        packed.remove(names[0])
    assert packed.can_load(names[0])


@pytest.mark.parametrize(
    "damage",
    [b"garbage", b"", encode([1, 2]), encode({b"a": 1})[:-4]],
    ids=["garbage", "empty", "list", "cut"],
)
def test_a_damaged_pack_costs_its_own_entries_only(packed, tmp_path, names, damage, capsys):
    path = tmp_path / "packs" / "jugpack"
    write_pack(tmp_path, damage)
    assert not packed.can_load(names[0])
    said = capsys.readouterr().err
    assert said.startswith(f"jug: warning: The pack {path} is damaged: ") and "; 0 results in it" in said
    assert sorted(packed.list()) == sorted(names[4:7])
    assert packed.load(names[4]) == "loose"
    assert packed.remove(names[4])
    with pytest.raises(FileNotFoundError):
        packed.load(names[0])
    assert path.read_bytes() == damage
    assert capsys.readouterr().err == ""


def set_aside(path):
    return [each.read_bytes() for each in sorted((path / "corrupt").iterdir())]


def test_who_packs_sets_a_damaged_pack_aside(packed, tmp_path, names, capsys):
    write_pack(tmp_path, b"garbage")
    assert packed.pack().packed == 3
    assert set_aside(tmp_path) == [b"garbage"]
    assert sorted(file_store(tmp_path).list()) == sorted(names[4:7])
    assert f"was moved to {tmp_path}/corrupt/jugpack." in capsys.readouterr().err


def test_who_removes_a_packed_result_that_could_be_saved_sets_a_damaged_pack_aside(packed, tmp_path, names):
    packed.pack()
    cut = (tmp_path / "packs" / "jugpack").read_bytes()[:-4]
    write_pack(tmp_path, cut)
    assert packed.remove(names[5])
    assert set_aside(tmp_path) == [cut]
    assert [name for name in names[:7] if file_store(tmp_path).can_load(name)] == [*names[:5], names[6]]


def test_who_writes_a_result_sets_a_damaged_pack_aside(packed, tmp_path, names):
    write_pack(tmp_path, b"garbage")
    assert not packed.can_load(names[0])
    packed.dump(1, names[0])
    assert set_aside(tmp_path) == [b"garbage"] and packed.load(names[0]) == 1
    assert os.listdir(tmp_path / "locks") == []


@pytest.mark.parametrize("links", [True, False])
def test_what_is_set_aside_takes_nobodys_place(packed, tmp_path, links, monkeypatch):
    def no_links(*names):
        raise PermissionError(1, "no links")

    if not links:
        monkeypatch.setattr(packed._fs._plain, "link", no_links)
    for text in (b"one", b"two", b"three"):
        write_pack(tmp_path, text)
        packed.pack()
    assert sorted(set_aside(tmp_path)) == [b"one", b"three", b"two"]


def test_a_damaged_entry_alone_is_set_aside(tmp_path, names):
    whole = encode([1] * 50)
    kinds = [
        b"garbage",
        whole[:-1],
        whole[:20] + bytes([whole[20] ^ 1]) + whole[21:],
        whole + b"x",
        zlib.compress(b"Q"),
        b"",
    ]
    store = file_store(tmp_path)
    entries = {name: Packed(data) for name, data in zip(names, kinds, strict=False)}
    write_pack(tmp_path, encode({**entries, names[8]: Packed(whole), names[9]: None}))
    for name, data in zip(names, kinds, strict=False):
        with pytest.raises(DamagedResultError, match="damaged") as caught:
            store.load(name)
        assert caught.value.name == name
        place = Path(store.set_aside(name))
        assert place.read_bytes() == data and place.name.startswith(f"{name.decode()}.")
        assert not file_store(tmp_path).can_load(name)
    assert store.set_aside(names[8]) is None and store.set_aside(names[9]) is None
    assert (store.load(names[8]), store.load(names[9])) == ([1] * 50, None)
    assert store.set_aside(names[7]) is None  # there is no such result


def test_a_listing_sees_packs_come_and_go(packed, tmp_path, names):
    listing = packed.listing()
    assert listing.refresh() == (set(names[:7]), set())
    os.unlink(tmp_path / "packs" / "jugpack")
    assert listing.refresh() == (set(), set(names[:4]))
    write_pack(tmp_path, {names[6]: 1, names[7]: 1})
    assert listing.refresh() == ({names[7]}, set())
    os.unlink(packed._dir.result(names[6]))
    assert listing.refresh() == (set(), set())


def test_metadata_knows_packed_results(packed, names):
    class Task:
        def hash(self):
            return names[0]

    assert packed.metadata(Task()) == {"computed": True}


# Packing

KEPT_AS_FILES = {"long": os.urandom(600), "large": np.arange(100)}


def small_objects():
    return {
        "none": None,
        "int": 7,
        "text": "Jürgen",
        "bytes": b"\x00" * 100_000,
        "list": [1, (2, {3})],
        "array": np.arange(4),
        "dates": np.array(["2020-01-01"], dtype="M8[D]"),
        "objects": np.array([1, "a"], dtype=object),
        "masked": np.ma.array([1, 2], mask=[True, False]),
        "own": Own(3),
    }


class Own:
    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return type(other) is Own and other.number == self.number

    __hash__ = None


def fill(store, objects):
    names = {kind: hashlib.sha1(kind.encode()).hexdigest().encode() for kind in objects}
    for kind, name in names.items():
        store.dump(objects[kind], name)
    return names


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_packed_comes_back_as_it_was(tmp_path, compress):
    store = file_store(tmp_path, compress_numpy=compress)
    objects = small_objects()
    names = fill(store, objects)
    loose = {kind: store.load(name) for kind, name in names.items()}
    assert store.pack().packed == len(objects)
    assert store._dir.prefixes()
    assert not any(store._dir.results(prefix) for prefix in store._dir.prefixes())
    for reader in (store, file_store(tmp_path)):
        assert sorted(reader.list()) == sorted(names.values())
        for kind, name in names.items():
            found = reader.load(name)
            assert type(found) is type(loose[kind])
            assert getattr(found, "dtype", None) == getattr(loose[kind], "dtype", None)
            assert repr(found) == repr(loose[kind]) if kind != "own" else found == Own(3)


def test_the_pack_is_an_ordinary_dict_of_objects_to_old_releases(tmp_path):
    """They read it with `decode`, which takes our entries for what they are."""
    store = file_store(tmp_path)
    names = fill(store, {"none": None, "list": [1, 2], "text": "x"})
    store.pack()
    found = decode((tmp_path / "packs" / "jugpack").read_bytes())
    assert found == {names["none"]: None, names["list"]: [1, 2], names["text"]: "x"}


def encoded_in(size):
    """An encoded object of exactly this many bytes."""
    part = b"P" + pickle.dumps("x").ljust(size - 1 - 11, b"x")  # what follows the pickle is ignored
    data = zlib.compress(part, 0)  # stored as it is, between 7 bytes and a checksum of 4
    assert len(data) == size
    return data


def test_only_small_files_are_packed_and_data_frames_are_not(tmp_path):
    polars = pytest.importorskip("polars")
    store = file_store(tmp_path)
    names = fill(store, {**KEPT_AS_FILES, "frame": polars.DataFrame({"a": [1]}), "small": 1})
    for size in (512, 513):
        put(store, b"%040x" % size, encoded_in(size))
    assert store.pack().packed == 2
    assert sorted(store._packs.names()) == sorted([b"%040x" % 512, names["small"]])
    assert store.load(names["frame"]).equals(polars.DataFrame({"a": [1]}))
    assert store.load(names["long"]) == KEPT_AS_FILES["long"]


def put(store, name, data):
    store._dir.ensure(name[:2].decode())
    path = store._dir.result(name)
    with open(path, "wb") as stream:
        stream.write(data)
    return path


def test_packing_again_writes_nothing_unless_there_is_something_new(packed, tmp_path, names):
    assert packed.pack().packed == 3
    before = os.stat(tmp_path / "packs" / "jugpack")
    assert packed.pack().packed == 0
    assert os.stat(tmp_path / "packs" / "jugpack").st_ino == before.st_ino
    packed.dump("new", names[9])
    assert packed.pack().packed == 1
    assert sorted(packed.list()) == sorted([*names[:7], names[9]])


def test_a_file_replaces_what_is_packed_under_its_name(packed, names):
    packed.pack()
    assert packed.load(names[4]) == "loose"
    packed.dump("newer", names[0])
    packed.pack()
    assert file_store(packed.jugdir).load(names[0]) == "newer"


def test_packing_where_there_is_nothing_creates_no_pack(tmp_path):
    assert file_store(tmp_path / "jugdir").pack().packed == 0
    assert not (tmp_path / "jugdir" / "packs").exists()


@pytest.mark.parametrize(
    "data",
    [b"garbage", encode([1])[:-2], zlib.compress(b"Qx"), b"\x93NUMPY"],
    ids=["garbage", "cut", "tag", "npy"],
)
def test_a_damaged_file_stays_and_is_named(packed, names, data):
    if data == b"\x93NUMPY":
        pytest.importorskip("numpy")
    path = put(packed, names[8], data)
    done = packed.pack()
    assert (done.packed, done.unreadable) == (3, [path])
    assert os.path.exists(path)
    with pytest.raises(StoreError, match="damaged"):
        packed.load(names[8])


def test_a_class_that_is_not_there_costs_only_its_own_entry(tmp_path, monkeypatch):
    store = file_store(tmp_path)
    names = fill(store, {"own": Own(1), "int": 5, "new": 6})
    store.pack()
    monkeypatch.delitem(globals(), "Own")
    reader = file_store(tmp_path)
    assert reader.load(names["int"]) == 5
    assert reader.remove(names["int"])  # the pack can be changed without it, too
    assert reader.can_load(names["own"])
    with pytest.raises(UnloadableResultError, match="Own"):
        reader.load(names["own"])
    monkeypatch.undo()
    assert reader.load(names["own"]) == Own(1)


def test_a_class_that_is_not_there_yet_costs_only_its_own_entry_of_an_old_pack(tmp_path, names, monkeypatch):
    """As at a barrier above the definition of the class."""
    own = {names[0]: [Own(1)], names[1]: 5, names[2]: {"a": Own(2)}}
    store = file_store(tmp_path)
    write_pack(tmp_path, own)
    monkeypatch.delitem(globals(), "Own")
    assert sorted(store.list()) == sorted(names[:3])
    assert store.load(names[1]) == 5
    with pytest.raises(UnloadableResultError, match="Own"):
        store.load(names[0])
    assert store.remove(names[1])
    monkeypatch.undo()
    assert store.load(names[0]) == [Own(1)]
    assert file_store(tmp_path).load(names[2]) == {"a": Own(2)}


def test_opening_a_pack_runs_nothing_that_is_in_it(tmp_path, name):
    store = file_store(tmp_path)
    store.dump(Tells(), name)
    told.clear()
    store.pack()
    assert list(file_store(tmp_path).list()) == [name]
    assert told == []
    file_store(tmp_path).load(name)
    assert told == [1]


told = []


class Tells:
    def __reduce__(self):
        return tell, (1,)


def tell(number):
    told.append(number)


def test_a_damaged_entry_is_reported_with_its_name(tmp_path, name):
    store = file_store(tmp_path)
    write_pack(tmp_path, {name: Packed(b"garbage")})
    with pytest.raises(StoreError, match=rf"{name.decode()} in .*jugpack is damaged"):
        store.load(name)


def test_the_lock_of_a_packer_that_was_killed_does_not_stand_in_the_way(packed, tmp_path, names):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (tmp_path / "locks").mkdir()
    text = f"PID {process.pid} on HOSTNAME {os.uname().nodename}\nLock created on some day\n"
    (tmp_path / "locks" / "pack-save.lock").write_text(text)
    assert packed.remove(names[0])
    assert os.listdir(tmp_path / "locks") == []
    assert [name for name in os.listdir(tmp_path / "tempfiles") if not name.startswith("w-")] == []


def test_a_lock_that_is_refreshed_is_waited_for(packed, tmp_path, names, monkeypatch):
    """Whoever packs a million results on a slow file server takes more than a minute."""
    (tmp_path / "locks").mkdir()
    lock = tmp_path / "locks" / "pack-save.lock"
    lock.write_text("PID 7 on HOSTNAME elsewhere\n")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(packed._fs, "monotonic", lambda: next(clock))
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        os.utime(lock, (len(waited), len(waited)))
        if len(waited) == 30:
            lock.unlink()

    monkeypatch.setattr(packed._fs, "sleep", sleep)
    assert packed.remove(names[0])
    assert len(waited) == 30


def test_a_packer_that_lost_its_lock_writes_nothing(packed, tmp_path, monkeypatch):
    before = (tmp_path / "packs" / "jugpack").read_bytes()
    entry_of = packer.entry_of

    def remove_the_lock(name, data, signer):
        (tmp_path / "locks" / "pack-save.lock").unlink(missing_ok=True)
        return entry_of(name, data, signer)

    monkeypatch.setattr(packer, "entry_of", remove_the_lock)
    with pytest.raises(StoreError, match=r"pack-save.lock was taken over by somebody else"):
        packed.pack()
    assert (tmp_path / "packs" / "jugpack").read_bytes() == before
    assert len([*packed.list()]) == 7


def test_a_lock_that_was_replaced_while_it_was_made_is_not_taken_for_ours(packed, tmp_path, monkeypatch):
    """Whoever sleeps in between for long is taken for dead."""
    (tmp_path / "locks").mkdir()
    path, plain = tmp_path / "locks" / "pack-save.lock", packed._fs.link

    def link(source, target):
        plain(source, target)
        if target == str(path):
            monkeypatch.undo()
            path.unlink()
            path.write_text("PID 7 on HOSTNAME elsewhere\n")

    monkeypatch.setattr(packed._fs, "link", link)
    with pytest.raises(StoreError, match=r"pack-save.lock was taken over by somebody else"):
        packed.pack()
    assert path.read_text() == "PID 7 on HOSTNAME elsewhere\n"


def test_what_cannot_be_got_and_is_not_there_is_given_up(packed, tmp_path, names, monkeypatch):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "pack-save.lock").symlink_to("nowhere")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(packed._fs, "monotonic", lambda: next(clock))
    monkeypatch.setattr(packed._fs, "sleep", lambda seconds: None)
    with pytest.raises(StoreError, match=r"pack-save.lock has been held for 60 s \(by an unknown process\)"):
        packed.remove(names[0])


def test_a_file_that_another_user_keeps_to_himself_stays_and_is_named(packed, names, monkeypatch):
    path, plain = packed._dir.result(names[5]), packed._fs.open_read

    def open_read(asked):
        if asked == path:
            raise PermissionError(13, "Permission denied", path)
        return plain(asked)

    monkeypatch.setattr(packed._fs, "open_read", open_read)
    done = packed.pack()
    assert (done.packed, done.unreadable) == (2, [path])


def test_an_array_of_pickled_objects_stays_a_file(tmp_path, name):
    """As old releases could write it."""
    np = pytest.importorskip("numpy")
    store = file_store(tmp_path)
    stream = io.BytesIO()
    np.save(stream, np.array([Tells()], dtype=object))
    put(store, name, stream.getvalue())
    told.clear()
    done = store.pack()
    assert (done.packed, done.unreadable, told) == (0, [], [])
    assert store.load(name).shape == (1,)
    assert told == [1]


def test_running_out_of_memory_does_not_make_packed_results_disappear(packed, monkeypatch):
    def fail(data):
        raise MemoryError

    monkeypatch.setattr(pack, "read_pack", fail)
    with pytest.raises(MemoryError):
        list(packed.list())
    monkeypatch.undo()
    assert len(list(packed.list())) == 7


class Remembers(FileSystem):
    """As a client of NFS: what was once found missing stays so until its directory is opened."""

    def __init__(self):
        self.missing = set()

    def open_read(self, path):
        if path in self.missing:
            raise FileNotFoundError(2, "No such file or directory", path)
        try:
            return super().open_read(path)
        except FileNotFoundError:
            self.missing.add(path)
            raise

    def open_excl(self, path):
        self.missing.discard(path)
        return super().open_excl(path)

    def rename(self, source, target):
        self.missing.discard(target)
        super().rename(source, target)

    def open_dir(self, path, follow=True):
        fd = super().open_dir(path, follow)
        self.missing = {name for name in self.missing if os.path.dirname(name) != path}
        return fd


def test_a_pack_that_another_machine_has_just_made_is_seen_by_who_packs_or_removes(tmp_path, names):
    here, there = file_store(tmp_path, fs=Remembers()), file_store(tmp_path)
    there.dump(1, names[0])
    there.dump(2, names[1])
    assert not here.can_load(names[2])
    there.pack()
    here.dump(3, names[2])
    here.pack()
    assert sorted(there.list()) == sorted(names[:3])
    other = file_store(tmp_path, fs=Remembers())
    os.rename(tmp_path / "packs" / "jugpack", tmp_path / "away")
    assert not other.can_load(names[0])
    os.rename(tmp_path / "away", tmp_path / "packs" / "jugpack")
    assert other.remove_many(names[:2]) == set(names[:2])
    assert list(there.list()) == [names[2]]
