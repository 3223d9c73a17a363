import json
import os
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest

from jug.backends.encode import encode
from jug.backends.file_store import file_store
from jug.backends.packs import Packs
from jug.errors import StoreError

GOLDEN = Path(__file__).parent.parent / "golden"
EXPECTED = json.loads((GOLDEN / "jugdir-2.7.0-expected.json").read_text())


@pytest.fixture(params=["loose", "packed"])
def golden(request, tmp_path):
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
    change = Packs.change
    monkeypatch.setattr(Packs, "change", lambda self, update: (written.append(1), change(self, update)))
    assert packed.remove_many(names[:6]) == set(names[:6])
    assert list(packed.list()) == [names[6]]
    assert packed.remove_many(names[:6]) == set()
    assert written == [1]


def test_the_lock_of_the_pack_is_no_lock_of_a_task(packed, tmp_path, names):
    locks = []

    def look(objects):
        locks.extend([*packed.listlocks(), *packed.lock_states()])
        assert packed.remove_locks() == 0
        assert os.listdir(tmp_path / "locks") == ["pack-save.lock"]
        return objects

    Packs(packed._dir).change(look)
    assert locks == []
    assert os.listdir(tmp_path / "locks") == []


def test_a_pack_held_by_somebody_who_is_gone_is_named(packed, tmp_path, names, monkeypatch):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "pack-save.lock").write_text("PID 7 on HOSTNAME elsewhere\nLock created on some day\n")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(packed._fs, "monotonic", lambda: next(clock))
    monkeypatch.setattr(packed._fs, "sleep", lambda seconds: None)
    with pytest.raises(StoreError, match=r"locks/pack-save.lock .*PID 7 on HOSTNAME elsewhere"):
        packed.remove(names[0])
    assert packed.can_load(names[0])


@pytest.mark.parametrize(
    "damage",
    [b"garbage", b"", encode([1, 2]), encode({b"a": 1})[:-4]],
    ids=["garbage", "empty", "list", "cut"],
)
def test_a_damaged_pack_costs_its_own_entries_only(packed, tmp_path, names, damage):
    write_pack(tmp_path, damage)
    with pytest.warns(RuntimeWarning, match="packs/jugpack"):
        assert not packed.can_load(names[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sorted(packed.list()) == sorted(names[4:7])
        assert packed.load(names[4]) == "loose"
        assert packed.remove(names[4])
        with pytest.raises(FileNotFoundError):
            packed.load(names[0])
    assert (tmp_path / "packs" / "jugpack").read_bytes() == damage


def test_a_damaged_pack_is_not_written_over(packed, tmp_path):
    write_pack(tmp_path, b"garbage")
    with pytest.warns(RuntimeWarning, match="jugpack"), pytest.raises(StoreError, match="damaged"):
        packed._packs.change(lambda objects: objects)
    assert (tmp_path / "packs" / "jugpack").read_bytes() == b"garbage"


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
