"""Values of results on a Redis server: damage is found, and what was computed under a lost lock overwrites nothing."""

import base64
import hashlib
import os
import pickle
import zlib

import pytest
from processes import jug, write
from redis_server import shared_server

from jug.backends.redis import results
from jug.backends.redis.results import is_damaged, packed, unpacked
from jug.backends.redis_store import redis_store
from jug.errors import DamagedResultError

NAME, OTHER = (hashlib.sha1(text).hexdigest().encode() for text in (b"a", b"b"))


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def store(server):
    store = redis_store(server.url)
    yield store
    store.close()


@pytest.fixture
def other(server):
    other = redis_store(server.url)
    yield other
    other.close()


def objects():
    yield {"a": [1, 2.5], "b": "x" * 100}
    yield None
    numpy = pytest.importorskip("numpy")
    yield numpy.arange(20.0)


# Damage


def test_whatever_bit_is_flipped_the_damage_is_found():
    for obj in objects():
        data = base64.b64decode(packed(obj))
        for at in range(len(data)):
            for bit in range(8):
                flipped = bytearray(data)
                flipped[at] ^= 1 << bit
                value = base64.b64encode(flipped)
                assert is_damaged(value), (obj, at, bit)
                with pytest.raises(DamagedResultError):
                    unpacked(NAME, value)


def test_wherever_a_value_is_cut_the_damage_is_found():
    for obj in objects():
        value = packed(obj)
        assert not is_damaged(value)
        whole_without_seal = len(base64.b64decode(value)) - 31
        for length in range(1, len(value)):
            if length % 4 or len(base64.b64decode(value[:length])) != whole_without_seal:
                assert is_damaged(value[:length]), (obj, length)


def test_a_value_without_a_checksum_is_accepted_if_it_is_whole():
    plain = zlib.compress(b"P" + pickle.dumps([1]))
    assert unpacked(NAME, base64.b64encode(plain)) == [1]
    assert unpacked(NAME, b"") is None
    assert not is_damaged(b"")
    for at in range(1, len(plain)):
        assert is_damaged(base64.b64encode(plain[:at]))
    assert is_damaged(base64.b64encode(zlib.compress(b"X")))


def test_nothing_is_unpickled_to_tell_damage():
    class Bomb:
        def __reduce__(self):
            return os._exit, (1,)

    assert not is_damaged(packed(Bomb()))


def test_a_damaged_value_is_set_aside_and_a_whole_one_is_not(server, store):
    store.dump(1, NAME)
    assert store.set_aside(NAME) is None
    assert store.set_aside(OTHER) is None
    server.ask("SET", b"result:" + NAME, b"eJwLaGD1ZtIDAAWN")
    place = store.set_aside(NAME)
    assert not store.can_load(NAME)
    (key,) = server.ask("KEYS", "*")
    assert key.startswith(b"corrupt:" + NAME + b":")
    assert key.rpartition(b":")[2].isdigit()
    assert place == f"the key {key.decode()} on the Redis server"
    assert server.ask("GET", key) == b"eJwLaGD1ZtIDAAWN"
    redis_store.remove_store(server.url)
    assert server.ask("KEYS", "*") == []


def test_a_value_that_was_replaced_meanwhile_is_not_set_aside(server, store, monkeypatch):
    server.ask("SET", b"result:" + NAME, b"!!!!")

    def replace_and_judge(value):
        server.ask("SET", b"result:" + NAME, packed(1))
        return is_damaged(value)

    monkeypatch.setattr("jug.backends.redis_store.is_damaged", replace_and_judge)
    assert store.set_aside(NAME) is None
    assert store.load(NAME) == 1


@pytest.mark.parametrize("damage", ["flipped", "cut", "foreign"])
def test_a_worker_reports_a_damaged_result_sets_it_aside_and_computes_it_again(tmp_path, server, damage):
    write(
        tmp_path,
        """
        from jug import TaskGenerator
        @TaskGenerator
        def make(n):
            open("log", "a").write("make ")
            return list(range(n))
        @TaskGenerator
        def total(xs):
            return sum(xs)
        made = make(100)
        sums = total(made)
        """,
    )
    jugdir = ("--jugdir", server.url)
    assert jug(tmp_path, "execute", *jugdir, "--name", "make").code == 0
    (key,) = server.ask("KEYS", "result:*")
    value = server.ask("GET", key)
    data = bytearray(base64.b64decode(value))
    data[len(data) // 2] ^= 4
    server.ask("SET", key, {"flipped": base64.b64encode(data), "cut": value[:-8], "foreign": b"hello"}[damage])
    done = jug(tmp_path, "execute", *jugdir)
    assert done.code == 0, done
    assert (tmp_path / "log").read_text() == "make make "
    name = key.partition(b":")[2].decode()
    assert f"The result {name} on the Redis server is damaged: " in done.err
    assert f"It was moved to the key corrupt:{name}:" in done.err
    assert sorted(kind.partition(b":")[0] for kind in server.ask("KEYS", "*")) == [b"corrupt", b"result", b"result"]
    assert jug(tmp_path, "check", *jugdir).code == 0


# Fencing: by way of a script for most results, and of a second key for large ones


@pytest.fixture(params=["by a script", "large"])
def way(request, monkeypatch):
    if request.param == "large":
        monkeypatch.setattr(results, "_LARGE", 0)


def locked(store):
    lock = store.getlock(NAME)
    assert lock.get()
    return lock


@pytest.mark.usefixtures("way")
def test_a_result_is_stored_and_its_lock_released_in_one_step(server, store):
    lock = locked(store)
    assert store.dump_locked([1], NAME, lock)
    assert store.load(NAME) == [1]
    assert list(store.listlocks()) == server.ask("KEYS", "holder:*") == server.ask("KEYS", "upload:*") == []
    assert server.ask("TTL", b"result:" + NAME) == -1
    lock.release()
    assert store.getlock(NAME).get()


@pytest.mark.usefixtures("way")
def test_under_its_lock_a_worker_replaces_what_is_there(store):
    store.dump("old", NAME)
    assert store.dump_locked("new", NAME, locked(store))
    assert store.load(NAME) == "new"


@pytest.mark.usefixtures("way")
def test_what_was_computed_under_a_lock_that_another_has_now_is_not_stored(server, store, other):
    lock = locked(store)
    assert other.remove_lock(NAME)
    theirs = locked(other)
    assert not store.dump_locked("late", NAME, lock)
    lock.release()
    assert not store.can_load(NAME)
    assert theirs.is_locked()
    assert server.ask("GET", b"holder:" + NAME) == theirs._token
    assert server.ask("KEYS", "upload:*") == []
    assert other.dump_locked("theirs", NAME, theirs)
    assert store.load(NAME) == "theirs"


@pytest.mark.usefixtures("way")
def test_a_result_is_stored_although_its_lock_was_removed_by_hand(store, other):
    lock = locked(store)
    assert other.remove_lock(NAME)
    assert store.dump_locked("mine", NAME, lock)
    assert other.load(NAME) == "mine" and list(other.listlocks()) == []


@pytest.mark.usefixtures("way")
def test_what_was_removed_since_does_not_come_back_from_who_was_taken_for_dead(server, store, other):
    """By one whose sign of life was missing for a while: the lock was given back, and nobody has it now."""
    lock = locked(store)
    life = b"worker:" + store._worker.name
    server.ask("DEL", life)
    assert other._liveness.bury([store._worker.name]) == 1
    server.ask("SET", life, b"2")  # as its helper does when it goes on
    assert not store.dump_locked("of old code", NAME, lock)
    assert not other.can_load(NAME)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("is_held", [True, False])
def test_the_result_of_a_successor_stays(server, store, other, is_held):
    lock = locked(store)
    assert other.remove_lock(NAME)
    theirs = locked(other)
    other.dump("first", NAME)
    if not is_held:
        theirs.release()
    assert not store.dump_locked("late", NAME, lock)
    lock.release()
    assert store.load(NAME) == "first"
    assert list(store.listlocks()) == ([NAME] if is_held else [])
    assert server.ask("KEYS", "upload:*") == []


@pytest.mark.usefixtures("way")
def test_a_lock_that_2_7_marked_as_failed_stays_failed(server, store):
    lock = locked(store)
    server.ask("SET", b"lock:" + NAME, b"F")
    assert store.dump_locked(1, NAME, lock)
    assert store.load(NAME) == 1
    assert store.lock_states() == {NAME: True}


def test_a_large_result_that_gets_lost_on_its_way_is_sent_again(server, store, monkeypatch):
    monkeypatch.setattr(results, "_LARGE", 0)
    lock = locked(store)
    run, sent = store._link.run, []

    def lose(*arguments, **options):
        if not sent:
            server.ask("DEL", *server.ask("KEYS", "upload:*"))
        sent.append(arguments)
        return run(*arguments, **options)

    monkeypatch.setattr(store._link, "run", lose)
    assert store.dump_locked("precious", NAME, lock)
    assert len(sent) == 2
    assert store.load(NAME) == "precious"
