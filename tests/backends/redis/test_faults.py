"""Connections that break at the worst moment: every call does what it would have done, once."""

import hashlib
import os
import signal
import threading

import pytest
from redis_proxy import AFTER, BEFORE, Proxy
from redis_server import RedisServer, shared_server

from jug.backends.redis_store import redis_store
from jug.errors import StoreError

NAMES = [hashlib.sha1(b"%d" % i).hexdigest().encode() for i in range(5)]
DAMAGED = hashlib.sha1(b"damaged").hexdigest().encode()
MISSING = hashlib.sha1(b"missing").hexdigest().encode()


def locked(store, name=MISSING):
    lock = store.getlock(name)
    assert lock.get()
    return lock


def lost(store, name=NAMES[2]):
    """A lock that somebody took away."""
    lock = locked(store, name)
    store.remove_lock(name)
    return lock


def soon(store, lock=None, name=MISSING):
    """Store something that waits for the next question."""
    assert store.dump_soon("new", name, lock or locked(store)) is None


CALLS = {
    "dump": lambda store: store.dump("new", MISSING),
    "dump again": lambda store: store.dump("new", NAMES[0]),
    "load": lambda store: store.load(NAMES[1]),
    "load many": lambda store: list(store.load_many(NAMES)),
    "can load": lambda store: (store.can_load(NAMES[0]), store.can_load(MISSING)),
    "first missing": lambda store: store.first_missing([*NAMES, MISSING]),
    "list": lambda store: sorted(store.list()),
    "listing": lambda store: store.listing().refresh(),
    "remove": lambda store: (store.remove(NAMES[0]), store.remove(MISSING)),
    "remove many": lambda store: store.remove_many([*NAMES[:3], MISSING]),
    "cleanup": lambda store: store.cleanup(NAMES[:2]),
    "get": lambda store: store.getlock(MISSING).get(),
    "get what is held": lambda store: store.getlock(NAMES[0]).get(),
    "get what has failed": lambda store: store.getlock(NAMES[1]).get(),
    "get and look": lambda store: (locked(store), store.can_load(MISSING))[1],
    "get and release": lambda store: locked(store).release(),
    "get and fail": lambda store: locked(store).fail(),
    "get, store and release": lambda store: (lock := locked(store), store.dump_locked(1, MISSING, lock))[1],
    "store under a lost lock": lambda store: store.dump_locked("new", NAMES[2], lost(store)),
    "get, store soon and go on": lambda store: (soon(store), store.getlock(NAMES[2]).get(), store.can_load(MISSING)),
    "get, store soon and flush": lambda store: (soon(store), store.flush())[1],
    "get, store soon and close": lambda store: (soon(store), store.close())[1],
    "store soon under a lost lock": lambda store: (soon(store, lost(store), NAMES[2]), store.flush())[1],
    "how it failed": lambda store: (store.failure(NAMES[1]), store.failure(MISSING)),
    "set aside": lambda store: (store.set_aside(NAMES[0]), (store.set_aside(DAMAGED) or "").partition(":")[0]),
    "workers": lambda store: (store.run_id() == store.workers()[0].run, len(store.workers())),
    "remove abandoned": lambda store: store.remove_abandoned(),
    "get and close": lambda store: (locked(store), store.close())[1],
    "get twice": lambda store: (locked(store), store.getlock(MISSING).get())[1],
    "release and get": lambda store: (locked(store).release(), store.getlock(MISSING).get()),
    "lock states": lambda store: store.lock_states(),
    "remove lock": lambda store: (store.remove_lock(NAMES[0]), store.remove_lock(MISSING)),
    "remove failed": lambda store: [store.remove_lock(name, failed_only=True) for name in NAMES[:3]],
    "remove locks": lambda store: store.remove_locks(),
    "record failure": lambda store: store.record_failure(MISSING, {"error": "E"}),
    "failures": lambda store: store.failures(),
    "remove failures": lambda store: store.remove_failures([*NAMES, MISSING]),
}


def prepare(server):
    """Results, a held lock and a failed one, and a record; the scripts are unknown to the server."""
    server.ask("FLUSHALL")
    store = redis_store(server.url)
    for i, name in enumerate(NAMES):
        store.dump(i, name)
    server.ask("SET", b"result:" + DAMAGED, "!!!!")
    assert store.getlock(NAMES[0]).get()
    assert locked(store, MISSING).fail()
    store.remove_lock(MISSING)
    failed = store.getlock(NAMES[1])
    assert failed.get()
    assert failed.fail()
    store.record_failure(NAMES[1], {"error": "ValueError"})
    server.ask("SCRIPT", "FLUSH")
    return store


def content(server):
    """All keys and values; of holders, only that there is one, and of workers, how many there are."""
    client = server.client()
    keys = sorted(key for key in client.keys("*") if not key.startswith((b"worker:", b"jug:workers")))
    values = {_timeless(key): key.startswith(b"holder:") or value_of(client, key) for key in keys}
    values["workers"] = client.hlen("jug:workers")
    assert values["workers"] == len(client.keys("worker:*"))
    client.close()
    return values


def value_of(client, key):
    return client.hgetall(key) if key == b"jug:failures" else client.get(key)


def _timeless(key):
    return key.rpartition(b":")[0] if key.startswith(b"corrupt:") else key


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", [BEFORE, AFTER])
def test_a_connection_that_breaks_at_any_exchange_changes_nothing(call, fault, capsys):
    server = shared_server()
    others = prepare(server)
    store = redis_store(server.url)
    expected = CALLS[call](store), content(server)
    store.close()
    others.close()
    breaking = 1  # not the very first: a server that was never met is not waited for
    while True:
        others = prepare(server)
        with Proxy(server, lambda number, nth=breaking: fault if number == nth else None) as proxy:
            store = redis_store(proxy.url)
            store.can_load(MISSING)
            assert (CALLS[call](store), content(server)) == expected
            store.close()
        others.close()
        if not proxy.broken:
            break
        breaking += 1
    assert breaking > 1
    assert capsys.readouterr().err == ""


def test_of_a_connection_that_breaks_again_and_again_the_user_is_told_once(capsys):
    server = shared_server()
    with Proxy(server, lambda number: BEFORE if 1 <= number <= 4 else None) as proxy:
        store = redis_store(proxy.url)
        assert not store.can_load(MISSING)
        store.dump(1, MISSING)
        assert store.load(MISSING) == 1
        store.close()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].startswith(f"jug: warning: Cannot reach the Redis server at {proxy.url[8:]}: ")
    assert told[0].endswith("; trying again for 600 s")
    assert told[1].startswith("jug: warning: The Redis server is back after ")


_LOST = r"Cannot reach the Redis server at .* \(waited for 0.3 s\); what was to be stored is lost \(64 bytes\)$"


def test_patience_ends_and_after_that_there_is_none(capsys):
    server = shared_server()
    with Proxy(server, lambda number: BEFORE if number else None) as proxy:
        store = redis_store(proxy.url + "?patience=0.3")
        assert not store.can_load(MISSING)
        with pytest.raises(StoreError, match=_LOST):
            store.dump(1, MISSING)
        before = proxy.broken
        with pytest.raises(StoreError, match="Cannot reach"):
            store.load(MISSING)
        assert proxy.broken == before + 1
        store.close()
    assert capsys.readouterr().err.count("\n") == 1


def test_the_lock_of_another_is_not_taken_for_ours_after_a_lost_answer():
    server = shared_server()
    with Proxy(server, lambda number: AFTER if number == 1 else None) as proxy:
        store, other = redis_store(proxy.url), redis_store(server.url)
        assert not store.can_load(MISSING)
        assert other.getlock(MISSING).get()
        assert not store.getlock(MISSING).get()
        assert proxy.broken == 1
        store.close()
        other.close()


def test_a_release_whose_answer_is_lost_leaves_the_next_holder_alone():
    server = shared_server()
    taken = []

    def decide(number):
        return AFTER if number == release else None

    release = None
    with Proxy(server, decide) as proxy:
        store, other = redis_store(proxy.url), redis_store(server.url)
        locked(store).release()  # the server knows the scripts now: a release is one exchange
        lock = locked(store)
        release = proxy.exchanges
        connect = store._link.address.new_connection

        def take_the_lock_while_it_connects_again(known):
            taken.append(other.getlock(MISSING).get())
            return connect(known)

        store._link.address.new_connection = take_the_lock_while_it_connects_again
        lock.release()
        assert taken == [True]
        assert other.getlock(MISSING).is_locked()
        store.close()
        other.close()


def test_an_interrupted_question_leaves_no_answer_for_the_next():
    server = shared_server()
    store = redis_store(server.url)
    store.dump("right", NAMES[0])

    def interrupt(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        os.kill(server.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            store.can_load(NAMES[0])
    finally:
        signal.signal(signal.SIGALRM, before)
        os.kill(server.process.pid, signal.SIGCONT)
    assert store.load(NAMES[0]) == "right"
    store.close()


def test_a_process_made_by_fork_has_a_connection_of_its_own():
    store = redis_store(shared_server().url)
    for i, name in enumerate(NAMES):
        store.dump(i, name)
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            right = all(store.load(name) == i for _ in range(100) for i, name in enumerate(NAMES))
            os._exit(0 if right else 1)
        children.append(pid)
    assert all(store.load(name) == i for _ in range(100) for i, name in enumerate(NAMES))
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]
    assert store.load(NAMES[4]) == 4
    store.close()


def test_threads_take_turns():
    store = redis_store(shared_server().url)
    wrong = []

    def work(i):
        for _ in range(200):
            store.dump(i, NAMES[i])
            wrong.extend([i] if store.load(NAMES[i]) != i else [])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    store.close()


def test_a_server_that_was_restarted_is_found_again(capsys):
    server = RedisServer("--appendonly", "yes").start()
    try:
        store = redis_store(server.url)
        store.dump(1, NAMES[0])
        lock = locked(store)
        server.kill()
        starting = threading.Timer(0.3, server.start)
        starting.start()
        store.dump(2, NAMES[1])
        starting.join()
        assert [store.load(name) for name in NAMES[:2]] == [1, 2]
        assert not store.getlock(MISSING).get()
        lock.release()
        assert list(store.listlocks()) == []
        store.close()
    finally:
        server.close()
    assert "trying again" in capsys.readouterr().err


def test_a_server_that_hangs_up_at_the_first_question_is_asked_again():
    server = shared_server()
    with Proxy(server, lambda number: BEFORE if number < 3 else None) as proxy:
        store = redis_store(proxy.url)
        assert not store.can_load(MISSING)
        store.close()
        assert proxy.broken > 0
