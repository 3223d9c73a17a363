"""Locks that are taken ahead, and results that wait: one question for several tasks, and nobody waits for a mistake."""

import hashlib
import os
import signal
import sys
import threading
import time

import pytest
from ahead import FIRST, NAMES, SECOND, THIRD, at_work, gets_in_a_child, have, not_to_be_had
from processes import wait_until
from redis_server import RedisServer, shared_server

from jug.backends.redis import watchdog
from jug.backends.redis.prefetch import lock_prefetch
from jug.backends.redis.prefetch.lock_prefetch import Ahead


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def store(open_store):
    store = open_store()
    store.foresee(lambda name: NAMES[NAMES.index(name) + 1 :][:3])
    return store


@pytest.fixture
def other(open_store):
    return open_store()


@pytest.fixture
def questions(store, monkeypatch):
    """How often the store has asked the server."""
    asked = []
    exchange = store._link._exchange
    monkeypatch.setattr(store._link, "_exchange", lambda commands: asked.append(1) or exchange(commands))
    return asked


def locked(server):
    return {key.removeprefix(b"lock:") for key in server.ask("KEYS", "lock:*")}


# Together


def test_the_locks_of_what_follows_are_taken_along_and_cost_no_question_of_their_own(server, store, questions):
    assert store.getlock(FIRST).get()
    assert locked(server) == set(NAMES[:4])
    before = len(questions)
    for name in NAMES[1:4]:
        assert store.getlock(name).get()
        assert not store.can_load(name)
        assert store.failure(name) is None
    assert len(questions) == before


def test_results_of_several_tasks_and_their_next_locks_are_one_question(server, store, other, questions):
    lock = other.getlock(NAMES[5])
    assert lock.get() and lock.publish(b"")  # now the server knows the script
    other.remove(NAMES[5])
    assert store.getlock(FIRST).get()
    before = len(questions)
    for name in NAMES[1:4]:
        lock = store.getlock(name)
        assert lock.get()
        assert store.dump_soon("result of " + name.decode(), name, lock) is None
        assert not other.can_load(name)
    assert len(questions) == before
    assert store.getlock(NAMES[4]).get()
    assert len(questions) == before + 1
    assert {name: other.load(name) for name in NAMES[1:4]} == {n: "result of " + n.decode() for n in NAMES[1:4]}
    assert locked(server) == {FIRST, NAMES[4], NAMES[5]}


def test_what_others_have_or_have_done_is_told_when_its_turn_comes(server, store, other):
    have(other)
    other.dump("done", NAMES[3])
    other.record_failure(FIRST, {"error": "before"})
    assert store.getlock(FIRST).get() and store.failure(FIRST) == {"error": "before"}
    assert not_to_be_had(store)
    assert store.getlock(NAMES[3]).get() and store.can_load(NAMES[3])


def test_what_is_not_used_is_given_back_along_with_the_next_question_for_a_lock(server, store, questions):
    assert store.getlock(FIRST).get()
    assert store.getlock(SECOND).get()
    before = len(questions)
    assert store.getlock(NAMES[5]).get()
    assert len(questions) == before + 1
    assert locked(server) == {FIRST, SECOND, NAMES[5]}
    assert sorted(store._worker.held.values()) == sorted([FIRST, SECOND, NAMES[5]])


def test_what_is_not_used_is_given_back_at_the_end(server, store):
    assert store.getlock(FIRST).get()
    store.close()
    assert server.ask("KEYS", "*") == []


def test_what_was_given_back_at_the_end_is_not_used_after_it(server, store):
    assert store.getlock(FIRST).get()
    store.close()
    store.foresee(None)
    assert store.getlock(SECOND).get()
    assert locked(server) == {SECOND}


def test_of_many_threads_one_gets_what_is_ahead():
    ahead = Ahead()
    os.close(ahead.memory())
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(200):
            ahead.reserve([(name, (1, b"", b"token of " + name)) for name in NAMES], time.monotonic())
            got = []

            def use(names, got=got):
                got.extend(name for name in names if ahead.use(name))

            def clear(got=got):
                got.extend(name for name, _ in ahead.clear())

            threads = [threading.Thread(target=use, args=(NAMES,)), threading.Thread(target=clear)]
            threads.append(threading.Thread(target=use, args=(NAMES[::-1],)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(got) == sorted(NAMES)
            ahead.clear()
    finally:
        sys.setswitchinterval(before)


def test_what_another_thread_has_ahead_goes_when_ours_comes():
    ahead = Ahead()
    os.close(ahead.memory())
    told = (1, b"", b"host:1:2.5:ab-2")
    ahead.reserve([(FIRST, told)], time.monotonic())
    ahead.reserve([(SECOND, told)], time.monotonic())
    assert ahead.use(FIRST) is None
    assert ahead.use(SECOND) == told
    assert ahead.clear() == [(FIRST, told[2])]


def test_nothing_is_taken_along_once_that_is_over(server, store):
    store.foresee(None)
    assert store.getlock(FIRST).get()
    assert locked(server) == {FIRST}


def test_nothing_is_taken_along_where_no_memory_can_be_shared(server, store, other, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    lock = store.getlock(FIRST)
    assert lock.get()
    assert locked(server) == {FIRST}
    assert store.dump_soon("soon", FIRST, lock) is None
    assert store.getlock(SECOND).get()
    assert other.load(FIRST) == "soon"


def test_more_than_there_is_room_for_does_not_wait(store, other, questions):
    value = os.urandom(40_000)
    store.foresee(lambda name: [name for name in many if name != many[0]])
    many = [hashlib.sha1(b"many %d" % number).hexdigest().encode() for number in range(40)]
    lock = store.getlock(many[0])
    assert lock.get()
    waits = []
    for name in many[1:]:
        lock = store.getlock(name)
        assert lock.get()
        waits.append(store.dump_soon(value, name, lock) is None)
        assert waits[-1] or other.load(name) == value
    assert waits[:10] == [True] * 10 and not all(waits)
    store.flush()
    assert all(other.load(name) == value for name in many[1:])


def test_long_names_of_machines_leave_no_room_for_locks(server, store, monkeypatch):
    monkeypatch.setattr(store._worker, "_place", b"host" * 2000 + b":1")
    assert store.getlock(FIRST).get()
    assert store.getlock(NAMES[5]).get()
    assert locked(server) == {FIRST, NAMES[5]}


def test_a_forked_process_uses_nothing_that_is_ahead_of_its_parent(store):
    assert store.getlock(FIRST).get()
    assert not gets_in_a_child(store, SECOND)
    assert store.getlock(SECOND).get()


def test_what_is_ahead_survives_the_helper(server, store, other):
    lock = store.getlock(FIRST)
    assert lock.get()
    assert store.dump_soon("soon", FIRST, lock) is None
    store._worker._helper.kill()
    store._worker._helper.wait()
    store._worker.join()
    wait_until(lambda: locked(server) == set())  # by the new helper
    assert other.load(FIRST) == "soon"


# When it was a mistake


def test_a_long_task_keeps_nothing_that_is_ahead(tmp_path, server, other):
    worker = at_work(tmp_path, server.url, "C")
    wait_until(lambda: locked(server) == {SECOND})
    assert worker.process.poll() is None and other.load(FIRST) == "first"
    assert other.getlock(THIRD).get()
    done = worker.wait()
    assert (done.code, done.out) == (0, "[False, True]\n"), done
    assert other.load(SECOND) == "second"
    assert locked(server) == {THIRD}


def test_a_stopped_worker_keeps_nothing_that_is_ahead(tmp_path, server, other):
    worker = at_work(tmp_path, server.url, "stop")
    wait_until(lambda: locked(server) == {SECOND})
    assert other.load(FIRST) == "first"
    assert other.getlock(THIRD).get()
    os.kill(worker.process.pid, signal.SIGCONT)
    assert worker.wait().out == "[False, True]\n"


def test_what_waits_outlives_a_worker_that_is_killed(tmp_path, server, other):
    worker = at_work(tmp_path, server.url, "sleep")
    worker.process.kill()
    worker.wait()
    wait_until(lambda: locked(server) == set())
    assert other.load(FIRST) == "first"
    wait_until(lambda: server.ask("KEYS", "*") == [b"result:" + FIRST])


def test_a_full_server_gets_back_the_locks_of_a_worker_that_is_killed(tmp_path):
    server = RedisServer("--appendonly", "yes").start()
    worker = at_work(tmp_path, server.url, "sleep")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    worker.process.kill()
    worker.wait()
    wait_until(lambda: server.ask("KEYS", "*") == [])
    server.close()


def test_a_server_that_was_started_anew_gets_what_waits(tmp_path):
    server = RedisServer("--appendonly", "yes").start()
    worker = at_work(tmp_path, server.url, "C")
    server.ask("SCRIPT", "FLUSH")
    wait_until(lambda: server.ask("EXISTS", b"result:" + FIRST) and locked(server) == {SECOND})
    assert worker.process.poll() is None
    assert worker.wait().code == 0
    server.close()


class Recorder:
    """Stands for the server of a helper."""

    def __init__(self):
        self.given_back = []

    def ask(self, *words):
        self.given_back.append(words[-1])


@pytest.fixture
def pair(monkeypatch):
    """A worker's end, the helper's, and the time of both."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ahead = Ahead()
    fd = ahead.memory()
    yield ahead, watchdog.Ahead(fd, []), now
    os.close(fd)


def reserve(ahead, since):
    ahead.reserve([(SECOND, (1, b"", b"host:1:2.5:ab-2")), (THIRD, (1, b"", b"host:1:2.5:ab-3"))], since)


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.49, 0.5, 0.7, 0.99, 1.0, 1.5, 2.0, 2.5, 60.0])
def test_a_lock_that_is_ahead_is_used_or_given_back_and_never_both(pair, seconds):
    ahead, helper, now = pair
    server = Recorder()
    reserve(ahead, now[0])
    end = now[0] + seconds
    while now[0] < end:  # the helper looks as often as it can
        helper.look(server)
        now[0] += 0.01
    is_used = ahead.use(SECOND) is not None
    for _ in range(500):
        helper.look(server)
        now[0] += 0.01
    assert is_used == (seconds < lock_prefetch.USABLE)
    assert b"host:1:2.5:ab-3" in server.given_back
    if seconds <= watchdog.OVERDUE:
        assert b"host:1:2.5:ab-2" not in server.given_back
    if seconds > 2 * watchdog.OVERDUE + 0.1:
        assert b"host:1:2.5:ab-2" in server.given_back
    unused = dict(ahead.clear())
    assert set(unused) == ({THIRD} if is_used else {SECOND, THIRD})


def test_the_helper_waits_while_anything_changes(pair):
    ahead, helper, now = pair
    server = Recorder()
    reserve(ahead, now[0])
    for _ in range(50):
        ahead.show(b"a command")
        helper.look(server)
        now[0] += 0.4
        ahead.settled()
    assert server.given_back == []


def test_the_helper_does_each_thing_once(pair):
    ahead, helper, now = pair
    server = Recorder()
    for _ in range(2):
        reserve(ahead, now[0])
        for _ in range(50):
            helper.look(server)
            now[0] += 0.5
        assert len(ahead.clear()) == 2
    assert server.given_back == [b"host:1:2.5:ab-2", b"host:1:2.5:ab-3"] * 2
