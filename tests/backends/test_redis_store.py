"""What is on the server, byte by byte, and what the server may refuse. (What every store promises: the contracts.)"""

import base64
import hashlib
import os
import pickle
import re
import sys
import threading
import zlib

import pytest
from redis_proxy import Proxy
from redis_server import RedisServer, shared_server

from jug.backends.redis_store import redis_store
from jug.errors import DamagedResultError, StoreError, UnstorableError

NAME, OTHER, THIRD = (hashlib.sha1(text).hexdigest().encode() for text in (b"a", b"b", b"c"))


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def client(server):
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def store(server):
    store = redis_store(server.url)
    yield store
    store.close()


def keys(client):
    """All keys but those that say who is at work."""
    return [key for key in client.keys("*") if not key.startswith((b"worker:", b"jug:workers"))]


@pytest.fixture
def own_server():
    """Starts a server with a configuration of its own."""
    servers = []

    def start(*arguments, **options):
        servers.append(RedisServer(*arguments, **options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.close()


# Keys and values


def test_a_result_is_base64_of_zlib_of_a_tagged_pickle(store, client):
    store.dump([1, "a"], NAME)
    assert client.keys() == [b"result:" + NAME]
    data = zlib.decompress(base64.b64decode(client.get(b"result:" + NAME), validate=True))
    assert data[:1] == b"P"
    assert pickle.loads(data[1:]) == [1, "a"]


def test_an_array_is_base64_of_zlib_of_a_tagged_npy_file(store, client):
    numpy = pytest.importorskip("numpy")
    store.dump(numpy.arange(3), NAME)
    assert zlib.decompress(base64.b64decode(client.get(b"result:" + NAME)))[:7] == b"N\x93NUMPY"


def test_none_is_a_pickle_like_any_other(store, client):
    store.dump(None, NAME)
    data = zlib.decompress(base64.b64decode(client.get(b"result:" + NAME), validate=True))
    assert pickle.loads(data[1:]) is None
    assert store.can_load(NAME)
    assert store.load(NAME) is None


def test_a_value_ends_with_its_checksum(store, client):
    store.dump([1, "a"], NAME)
    data = base64.b64decode(client.get(b"result:" + NAME), validate=True)
    assert data[-31:-24] == b"JUGSUM1"
    assert data[-24:-16] == (len(data) - 31).to_bytes(8, "big")
    assert data[-16:] == hashlib.blake2b(data[:-31], digest_size=16).digest()


# As a worker of Jug 2.7.0 wrote them: 2, None and numpy.arange(3).
WRITTEN_BY_2_7 = {
    b"eJwLaGD1ZtIDAAWNAVE=": 2,
    b"": None,
    b"eJzzm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALgYoYITSTFAa"
    b"ABW+G7I=": [0, 1, 2],
}


@pytest.mark.parametrize("value", WRITTEN_BY_2_7)
def test_what_2_7_wrote_is_read(store, client, value):
    if isinstance(WRITTEN_BY_2_7[value], list):
        pytest.importorskip("numpy")
    client.set(b"result:" + NAME, value)
    loaded = store.load(NAME)
    assert (loaded.tolist() if hasattr(loaded, "tolist") else loaded) == WRITTEN_BY_2_7[value]


@pytest.mark.parametrize(
    "value", [b"!!!!", b"eJxr", b"eJwLaGD1ZtIDAAWN", b"eJwLaGD1ZtIDAAWNAV\n=", b"AAAA", b"eJwL!aGD1ZtIDAAWNAVE"]
)
def test_a_damaged_result_is_reported_and_never_returned(store, client, value):
    client.set(b"result:" + NAME, value)
    with pytest.raises(DamagedResultError, match=f"^The result {NAME.decode()} on the Redis server is damaged: ") as e:
        store.load(NAME)
    assert e.value.name == NAME


# What 2.7.0 was seen to do, by experiments with MONITOR: it locks with GETSET lock:<hash> L (and has the lock if there
# was no value; if there was F, it puts that back), fails with SET F if it sees L or F, releases with DEL, and takes a
# lock with any other value than L or F for one that is not held.


def test_a_held_lock_is_what_2_7_knows_and_its_holder_is_another_key(store, client):
    lock = store.getlock(NAME)
    assert lock.get()
    assert client.get(b"lock:" + NAME) == b"L"
    assert client.pttl(b"lock:" + NAME) == -1
    host, pid = re.escape(os.uname().nodename), os.getpid()
    assert re.fullmatch(rf"{host}:{pid}:\d+\.\d+:[0-9a-f]{{16}}-\d+", client.get(b"holder:" + NAME).decode())
    lock.release()
    assert keys(client) == []


def test_no_two_holders_are_the_same_not_even_those_of_threads(store):
    tokens = []

    def take_many():
        tokens.extend([*store._worker.tokens([b"%d" % number for number in range(2000)]).values()])

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=take_many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert len(set(tokens)) == len(tokens) == 16_000


def test_a_failed_lock_is_what_2_7_knows(store, client):
    lock = store.getlock(NAME)
    assert lock.get()
    assert lock.fail()
    assert client.get(b"lock:" + NAME) == b"F"


def test_a_lock_of_2_7_is_respected(store, client):
    client.set(b"lock:" + NAME, b"L")
    lock = store.getlock(NAME)
    assert not lock.get()
    assert lock.is_locked()
    assert not lock.is_failed()
    lock.release()
    assert client.get(b"lock:" + NAME) == b"L"
    assert store.lock_states() == {NAME: False}


def test_a_failure_of_2_7_is_seen(store, client):
    client.set(b"lock:" + NAME, b"F")
    lock = store.getlock(NAME)
    assert not lock.get()
    assert lock.is_failed()
    assert lock.is_failed()
    assert store.lock_states() == {NAME: True}
    assert store.remove_lock(NAME, failed_only=True)


def test_a_lock_that_2_7_tried_to_take_is_released_all_the_same(store, client):
    lock = store.getlock(NAME)
    assert lock.get()
    assert client.getset(b"lock:" + NAME, b"L") == b"L"
    lock.release()
    assert keys(client) == []


def test_a_lock_that_2_7_marked_as_failed_is_not_released(store, client):
    lock = store.getlock(NAME)
    assert lock.get()
    client.set(b"lock:" + NAME, b"F")
    lock.release()
    assert client.get(b"lock:" + NAME) == b"F"


def test_a_lock_that_2_7_removed_can_be_taken_again(store, client):
    lock = store.getlock(NAME)
    assert lock.get()
    client.delete(b"lock:" + NAME)
    other = store.getlock(NAME)
    assert other.get()
    lock.release()
    assert other.is_locked()
    other.release()
    assert keys(client) == []


def test_who_holds_a_lock_is_told(store, client):
    assert store.getlock(NAME).get()
    failed = store.getlock(OTHER)
    assert failed.get()
    assert failed.fail()
    client.set(b"lock:" + THIRD, b"L")
    details = store.lock_details()
    here = (os.uname().nodename, os.getpid())
    assert (details[NAME].failed, details[NAME].host, details[NAME].pid) == (False, *here)
    assert (details[OTHER].failed, details[OTHER].host, details[OTHER].pid) == (True, *here)
    assert abs(details[NAME].since - os.stat(f"/proc/{os.getpid()}").st_mtime) < 10**6
    assert (details[THIRD].failed, details[THIRD].host, details[THIRD].pid, details[THIRD].since) == (
        False,
        "",
        0,
        None,
    )


def test_a_record_of_a_failure_is_json(store, client):
    store.record_failure(NAME, {"error": "ValueError: é"})
    assert client.hgetall(b"jug:failures") == {NAME: b'{"error": "ValueError: \\u00e9"}'}
    client.hset(b"jug:failures", OTHER, b"{")
    assert store.failures() == {NAME: {"error": "ValueError: é"}}
    assert store.failure(NAME.decode()) == {"error": "ValueError: é"}
    assert store.failure(OTHER) is None
    assert store.remove_failures([NAME, OTHER, THIRD]) == 2
    assert client.keys() == []


FOREIGN = {b"other": b"1", b"result:short": b"2", b"lock:" + b"x" * 40: b"L", b"xresult:" + NAME: b"3", b"fail:x": b"4"}


def test_keys_of_others_are_neither_seen_nor_removed(store, server, client):
    client.mset(FOREIGN)
    store.dump(1, NAME)
    store.record_failure(NAME, {})
    assert store.getlock(NAME).get()
    client.set(b"holder:" + OTHER, "left over")
    assert list(store.list()) == list(store.listlocks()) == [NAME]
    assert store.cleanup([]) == 0  # somebody is at work at it
    assert store.remove_locks() == 1
    store.close()
    redis_store.remove_store(server.url)
    left = client.keys()
    assert dict(zip(left, client.mget(left), strict=True)) == FOREIGN


def test_databases_are_apart(server):
    stores = [redis_store(server.url), redis_store(server.url + "/5")]
    stores[1].dump(1, NAME)
    assert [store.can_load(NAME) for store in stores] == [False, True]
    redis_store.remove_store(server.url + "/5")
    assert not stores[1].can_load(NAME)
    for store in stores:
        store.close()


# Large questions


def test_a_hundred_thousand_results_take_few_questions(store, client):
    names = [hashlib.sha1(b"%d" % i).hexdigest().encode() for i in range(100_000)]
    for start in range(0, len(names), 10_000):
        client.mset({b"result:" + name: b"eJwLaGD1ZtIDAAWNAVE=" for name in names[start : start + 10_000]})
    client.config_resetstat()
    assert set(store.list()) == set(names)
    assert store.first_missing(names) is None
    assert store.first_missing([NAME, *names]) == NAME
    assert store.first_missing([*names, NAME]) == NAME
    assert list(store.load_many(names)) == [(name, 2) for name in names]
    assert store.cleanup(names[:10], keeplocks=True) == 99_990
    assert store.lock_states() == {}
    stats = client.info("commandstats")
    calls = {command.removeprefix("cmdstat_"): counts["calls"] for command, counts in stats.items()}
    assert "keys" not in calls
    assert calls["scan"] < 100
    assert calls["mget"] < 200
    assert calls["del"] == 100
    assert calls["exists"] < 99_990 + 3000


def test_records_of_failures_are_not_looked_for_among_results(store, client):
    client.mset({b"result:%040x" % i: b"" for i in range(10_000)})
    names = [b"%040x" % i for i in range(2500)]
    for name in names:
        store.record_failure(name, {"error": "E"})
    client.config_resetstat()
    assert store.failures() == {name: {"error": "E"} for name in names}
    assert calls(client) == {"hkeys": 1, "hmget": 3}
    assert store.remove_failures(names) == 2500
    client.config_resetstat()
    assert store.failures() == {}
    assert calls(client) == {"hkeys": 1}


@pytest.fixture
def unhurried(monkeypatch):
    """What a lock told does not become old, however busy this machine is."""
    monkeypatch.setattr("jug.backends.redis.connection._FRESH", 3600)


def run_soon(store, name):
    """What a worker asks the store for one of many short tasks."""
    lock = store.getlock(name)
    assert lock.get()
    assert not store.can_load(name)
    assert store.failure(name) is None
    assert store.dump_soon(1, name, lock) is None
    lock.release()


def run(store, name):
    """What a worker asks the store for one task."""
    lock = store.getlock(name)
    assert lock.get()
    assert not store.can_load(name)
    assert store.failure(name) is None
    assert store.dump_locked(1, name, lock)
    lock.release()


def calls(client):
    """How many commands the server was given of each kind since its statistics began, but for those of the test."""
    stats = client.info("commandstats")
    counts = {command.removeprefix("cmdstat_"): counts["calls"] for command, counts in stats.items()}
    return {command: number for command, number in counts.items() if command not in ("info", "config|resetstat")}


@pytest.mark.usefixtures("unhurried")
def test_a_task_takes_two_questions(server, client):
    store = redis_store(server.url + "?lease=3600")  # so that its helper is silent
    run(store, OTHER)  # the scripts are known now
    client.config_resetstat()
    for i in range(100):
        run(store, b"%040x" % i)
    by_scripts = ("get", "hget", "mset", "exists", "mget", "set", "del")
    assert calls(client) == {"evalsha": 200, **dict.fromkeys(by_scripts, 100)}
    assert store.load(b"%040x" % 99) == 1
    assert len(keys(client)) == 101
    store.close()


@pytest.mark.usefixtures("unhurried")
def test_tasks_that_follow_fast_take_one_question_each(server):
    with Proxy(server, lambda number: None) as proxy:
        store = redis_store(proxy.url + "?lease=3600")
        run(store, OTHER)
        before = proxy.exchanges
        for i in range(100):
            run_soon(store, b"%040x" % i)
        assert proxy.exchanges == before + 100
        assert store.flush() == set()
        assert proxy.exchanges == before + 101
        store.close()
    assert server.ask("DBSIZE") == 101


def test_what_a_lock_told_is_forgotten_with_the_next_question(store, server):
    other = redis_store(server.url)
    assert store.getlock(NAME).get()
    store.can_load(OTHER)
    other.dump(1, NAME)
    other.record_failure(NAME, {"error": "E"})
    assert store.can_load(NAME)
    assert store.failure(NAME) == {"error": "E"}
    other.close()


@pytest.mark.usefixtures("unhurried")
def test_a_lock_tells_how_its_task_failed(store, client):
    store.record_failure(NAME, {"error": "E"})
    assert store.getlock(NAME).get()
    client.config_resetstat()
    assert not store.can_load(NAME)
    assert store.failure(NAME) == {"error": "E"}
    assert calls(client) == {}
    assert store.failure(NAME) == {"error": "E"}
    assert calls(client) == {"hget": 1}


# What a server refuses


def test_a_full_server_is_one_sentence(own_server, capsys):
    server = own_server("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    store = redis_store(server.url)
    with pytest.raises(StoreError, match=r"^The Redis server at 127.0.0.1:\d+ is full \(see its settings maxmemory"):
        store.getlock(NAME).get()
    server.ask("CONFIG", "SET", "maxmemory", "0")
    assert store.getlock(NAME).get()
    store.close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("break_it", "mend_it", "sentence"),
    [
        (("maxmemory", "1"), ("maxmemory", "0"), "is full (see its settings maxmemory and maxmemory-policy)"),
        (("min-replicas-to-write", "1"), ("min-replicas-to-write", "0"), "has too few replicas, and takes no changes"),
    ],
)
def test_a_result_at_hand_is_kept_until_the_server_takes_it(
    own_server, monkeypatch, capsys, break_it, mend_it, sentence
):
    server = own_server()
    store = redis_store(server.url)
    lock = store.getlock(NAME)
    assert lock.get()
    server.ask("CONFIG", "SET", *break_it)
    waits = []

    def mend_instead_of_sleeping(outage, seconds, trouble):
        waits.append(seconds)
        if len(waits) == 3:
            server.ask("CONFIG", "SET", *mend_it)

    monkeypatch.setattr("jug.backends.redis.outage.Outage._sleep", mend_instead_of_sleeping)
    store.dump("precious", NAME)
    assert store.load(NAME) == "precious"
    lock.release()
    store.close()
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"jug: warning: The Redis server at 127.0.0.1:{server.port} {sentence}; trying again for 600 s"
    assert len(told) == 2


def test_a_server_that_cannot_write_to_its_disk_is_one_sentence(own_server):
    server = own_server("--save", "3600 1")
    store = redis_store(server.url)
    store.dump(1, NAME)
    (server.directory / "dump.rdb" / "in the way").mkdir(parents=True)
    server.ask("BGSAVE")
    while server.ask("INFO")["rdb_bgsave_in_progress"]:
        pass
    with pytest.raises(StoreError, match="cannot write to its disk, and takes no changes$"):
        store.getlock(NAME).get()
    store.close()


def test_a_replica_is_one_sentence(own_server):
    server = own_server()
    server.ask("REPLICAOF", "127.0.0.1", "1")
    store = redis_store(server.url)
    with pytest.raises(StoreError, match="is a read-only replica$"):
        store.getlock(NAME).get()
    store.close()


def test_another_kind_of_key_is_one_sentence(store, client):
    client.lpush(b"result:" + NAME, "x")
    with pytest.raises(StoreError, match=r"^The Redis server at 127.0.0.1:\d+ answers: .*wrong kind of value"):
        store.load(NAME)


def test_a_result_that_is_too_large_is_the_fault_of_its_task(own_server):
    server = own_server("--proto-max-bulk-len", "2mb")
    store = redis_store(server.url)
    with pytest.raises(UnstorableError, match=r"^The result \(of type 'bytes'\) is too large for Redis: it is 4 MB"):
        store.dump(os.urandom(3 << 20), NAME)
    store.dump(large := os.urandom(1 << 20), NAME)
    assert store.load(NAME) == large
    store.close()


def test_a_user_who_may_do_little_is_told(own_server):
    server = own_server()
    server.ask("ACL", "SETUSER", "reader", "on", ">word", "~*", "+@read", "+select")
    store = redis_store(server.url.replace("//", "//reader:word@"))
    assert not store.can_load(NAME)
    with pytest.raises(StoreError, match="does not allow this user to do that") as caught:
        store.dump(1, NAME)
    assert "word" not in str(caught.value)
    store.close()


# Advice


def test_a_worker_warns_of_a_server_that_loses_results(own_server, capsys):
    server = own_server("--save", "")
    store = redis_store(server.url)
    assert not store.can_load(NAME)
    assert capsys.readouterr().err == ""
    assert store.getlock(NAME).get()
    assert store.getlock(OTHER).get()
    assert capsys.readouterr().err.splitlines() == [
        f"jug: warning: The Redis server at 127.0.0.1:{server.port} saves nothing to disk: when it ends, all results "
        "are lost (set appendonly to yes)",
    ]
    store.close()


@pytest.mark.parametrize(
    ("policy", "what"),
    [("allkeys-lru", "throws results away"), ("volatile-ttl", "forgets who is at work")],
)
def test_nobody_works_on_a_server_that_throws_keys_away(own_server, capsys, policy, what):
    server = own_server("--maxmemory", "100mb", "--maxmemory-policy", policy)
    sentence = (
        f"The Redis server at 127.0.0.1:{server.port} {what} once it is full (maxmemory-policy {policy}): set it "
    )
    store = redis_store(server.url)
    with pytest.raises(StoreError, match=f"^{re.escape(sentence)}to noeviction$"):
        store.getlock(NAME).get()
    assert capsys.readouterr().err == ""
    assert server.ask("KEYS", "*") == []
    store.lock_details()
    store.lock_details()
    assert capsys.readouterr().err == f"jug: warning: {sentence}to noeviction\n"
    server.ask("CONFIG", "SET", "maxmemory", "0")
    assert store.getlock(NAME).get()
    store.close()


def test_a_server_that_does_not_tell_how_it_is_set_up_is_taken_as_it_is(own_server, capsys):
    server = own_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    server.ask("ACL", "SETUSER", "worker", "on", ">word", "~*", "+@all", "-info", "-config")
    store = redis_store(server.url.replace("//", "//worker:word@"))
    run(store, NAME)
    assert list(store.list()) == [NAME]
    assert capsys.readouterr().err == ""
    store.close()


def test_results_that_2_7_put_into_database_0_are_hinted_at(server, client, capsys):
    store = redis_store(server.url + "/7")
    assert store.getlock(NAME).get()
    assert capsys.readouterr().err == ""
    store.close()
    client.set(b"result:" + NAME, b"")
    store = redis_store(server.url + "/7")
    assert store.getlock(NAME).get()
    assert capsys.readouterr().err == (
        f"jug: warning: Database 7 of the Redis server at 127.0.0.1:{server.port} is empty, but there are results in "
        "database 0, which Jug 2.7 used whatever its jugdir said: without the number, the jugdir means that one\n"
    )
    store.dump(1, OTHER)
    assert list(store.list()) == [OTHER]
    store.close()
