"""Names that are no hashes: what is stored under one is seen by every question, and other people's files by none."""

import hashlib
import os

import pytest
from kinds import value_of

from jug.backends.encode import encode
from jug.backends.file.names import set_aside_as
from jug.backends.file_store import file_store

OTHERS = [b"my-own-key", hashlib.md5(b"x").hexdigest().encode(), b"f" * 64, b"key", b"A" * 40, b"plate 17.csv", b"g-x"]


@pytest.mark.parametrize("other", OTHERS, ids=bytes.decode)
def test_what_is_stored_is_listed_and_removed(store, reopen, other, name):
    store.dump([1, 2], other)
    store.dump(3, name)
    seen = reopen()
    assert sorted(seen.list()) == sorted([other, name])
    assert seen.listing().refresh() == ({other, name}, set())
    assert seen.can_load(other) and seen.load(other) == [1, 2]
    assert seen.first_missing([other, name]) is None
    assert list(seen.load_many([name, other])) == [(name, 3), (other, [1, 2])]
    assert seen.cleanup([name]) == 1
    assert not store.can_load(other) and list(store.list()) == [name]
    store.dump(4, other.decode())
    assert store.remove_many([other, name]) == {other, name}
    assert list(reopen().list()) == []


@pytest.mark.parametrize("other", OTHERS, ids=bytes.decode)
def test_what_is_locked_is_listed_and_removed(store, reopen, other, name):
    lock, failed = store.getlock(other), store.getlock(name)
    assert lock.get() and failed.get() and failed.fail()
    seen = reopen()
    assert sorted(seen.listlocks()) == sorted([other, name])
    assert seen.lock_states() == {other: False, name: True}
    assert seen.lock_details()[other].is_held
    assert seen.remove_locks() == 2
    assert not lock.is_locked() and list(store.listlocks()) == []


def test_a_failure_is_remembered_by_any_name(store, reopen):
    record = {"time": 1.0, "host": "h", "pid": 2, "attempts": 1}
    store.record_failure(b"my-own-key", record)
    assert reopen().failures() == {b"my-own-key": record}
    assert store.remove_failures([b"my-own-key"]) == 1
    assert reopen().failures() == {}


def test_the_results_of_a_listing_come_and_go(store, reopen):
    listing = store.listing()
    assert listing.refresh() == (set(), set())
    reopen().dump(1, b"my-own-key")
    assert listing.refresh() == ({b"my-own-key"}, set())
    reopen().remove(b"my-own-key")
    assert listing.refresh() == (set(), {b"my-own-key"})


# In a folder


@pytest.fixture
def jugdir(tmp_path):
    return tmp_path / "jugdir"


@pytest.mark.parametrize("kind", ["pickle", "large pickle", "none", "array", "large", "objects", "parquet"])
def test_a_result_of_any_kind_is_known_as_ours(jugdir, kind):
    file_store(jugdir).dump(value_of(kind), b"my-own-key")
    assert file_store(jugdir).list() == [b"my-own-key"]
    assert file_store(jugdir).foreign() == []


def foreign(jugdir, store):
    """Files where results, locks and records would be, that somebody else has put there."""
    store.dump(1, b"theirs")
    sealed = (jugdir / "th" / "eirs").read_bytes()
    (jugdir / "th" / "eirs").unlink()
    (jugdir / "th").rmdir()
    files = {
        "my/notes.txt": b"mine",
        "my/result-of-an-old-release": encode(3),
        "my/cut": sealed[:-1],
        "my/longer": sealed + b"\n",
        "ab/notes.txt": b"mine",
        "ab/" + "c" * 30: b"mine",
        "00/empty": b"",
        "locks/editor.lock": b"mine",
        "locks/empty.lock": b"",
        "failures/report.json": b'{"time": 3}',
        "tempfiles/p-notes.txt": b"mine",
        "tempfiles/p-x2e2e2f78": b"mine",  # of '../x'
    }
    for path, content in files.items():
        (jugdir / path).parent.mkdir(exist_ok=True, parents=True)
        (jugdir / path).write_bytes(content)
    (jugdir / "zz").mkdir()
    os.mkfifo(jugdir / "my" / "fifo")
    os.mkfifo(jugdir / "locks" / "fifo.lock")
    (jugdir / "ab" / "link").symlink_to(jugdir / "my" / "-own-key")
    return files


def test_files_of_others_are_neither_listed_nor_removed(jugdir):
    store = file_store(jugdir)
    files = foreign(jugdir, store)
    store.dump(1, b"my-own-key")
    assert store.list() == [b"my-own-key"]
    assert (store.listlocks(), store.failures()) == ([], {})
    told = store.foreign()
    assert set(told) >= {path for path in files if not path.startswith("tempfiles")}
    assert {"zz", "my/fifo", "locks/fifo.lock", "ab/link"} <= set(told)
    assert not any("own-key" in path for path in told)
    assert (store.update_pack(), store.remove_locks(), store.cleanup([])) == (1, 0, 1)
    file_store.remove_store(str(jugdir))
    assert {path: (jugdir / path).read_bytes() for path in files} == files
    assert (jugdir / "zz").is_dir() and (jugdir / "ab" / "link").is_symlink()


def test_what_an_old_release_wrote_is_found_by_its_name(jugdir):
    store = file_store(jugdir)
    store.create()
    (jugdir / "my").mkdir()
    (jugdir / "my" / "-own-key").write_bytes(encode([3]))
    assert store.can_load(b"my-own-key") and store.load(b"my-own-key") == [3]
    assert b"my-own-key" in store.listing().refresh()[0]
    assert store.list() == [] and store.cleanup([]) == 0
    assert store.remove(b"my-own-key")


def test_the_pack_takes_them_too(jugdir, name):
    store = file_store(jugdir)
    for number, other in enumerate([*OTHERS, name, b"n" * 120]):
        store.dump(number, other)
    assert file_store(jugdir).update_pack() == len(OTHERS) + 1  # a name may be too long to be put aside
    assert not (jugdir / "my" / "-own-key").exists()
    seen = file_store(jugdir)
    assert sorted(seen.list()) == sorted([*OTHERS, name, b"n" * 120])
    assert [seen.load(other) for other in OTHERS] == list(range(len(OTHERS)))
    assert seen.remove_many(OTHERS) == set(OTHERS)
    assert sorted(file_store(jugdir).list()) == sorted([name, b"n" * 120])


def test_what_a_killed_packer_has_set_aside_is_put_back(jugdir):
    store = file_store(jugdir)
    store.dump(1, b"my-own-key")
    aside = jugdir / "tempfiles" / f"p-x{b'my-own-key'.hex()}"
    (jugdir / "my" / "-own-key").rename(aside)
    assert not store.can_load(b"my-own-key")
    file_store(jugdir).update_pack()
    assert not aside.exists()
    assert file_store(jugdir).load(b"my-own-key") == 1


@pytest.mark.parametrize("file", ["p-", "p-x", "p-x0", "p-xzz", "p-x2e2e2f78", "p-notes", "x-" + "0" * 40, "p-x6d2f79"])
def test_what_is_set_aside_has_the_name_of_a_result(file):
    assert set_aside_as(file) is None


@pytest.mark.parametrize("other", [b"../x", b"..x", b"ab", b"", b"a/b", b"ab..", b"ab."])
def test_a_name_that_has_no_place_is_refused(jugdir, other):
    with pytest.raises(ValueError, match="not the name of a result"):
        file_store(jugdir).dump(1, other)


# On Redis


@pytest.mark.parametrize("reopen", ["redis"], indirect=True)
def test_keys_of_others_are_not_listed_on_redis(store, reopen):
    ask = store._link.ask
    ask("SET", "result:theirs", "value of theirs")
    ask("LPUSH", "result:list", "x")
    ask("SET", "result:old", "eJwLaGD1ZtIDAAWNAVE=")
    ask("SET", "lock:theirs", "L")
    ask("SET", "holder:theirs", "left over")
    store.dump(1, b"my-own-key")
    assert list(reopen().list()) == [b"my-own-key"]
    assert list(reopen().listlocks()) == []
    assert (reopen().cleanup([]), reopen().remove_locks()) == (1, 0)
    assert sorted(ask("KEYS", "*theirs")) == [b"holder:theirs", b"lock:theirs", b"result:theirs"]
    assert ask("EXISTS", "result:list", "result:old") == 2
