"""Locks on a Redis server die with their holders, and with nobody else: real processes, real signals, a real server."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import HANGS, Running, environment, start_python, wait_for_file, wait_until, write
from redis_server import RedisServer, shared_server

from jug.backends.redis_store import redis_store

NAME, OTHER, THIRD = (hashlib.sha1(text).hexdigest().encode() for text in (b"a", b"b", b"c"))

# Takes the lock of the first argument on the server of the second, says so by a file, and does what the third says.
HOLDER = """
import ctypes, os, sys, time
from jug.backends.redis_store import redis_store
name, url, what = sys.argv[1:]
store = redis_store(url)
lock = store.getlock(name)
assert lock.get()
if what == "fork" and os.fork() == 0:
    open("child", "w").write(str(os.getpid()))
    time.sleep(100)
open("pid.new", "w").write(f"{os.getpid()} {store._worker._helper.pid}")
os.rename("pid.new", "pid")
if what == "C":  # without letting Python run
    ctypes.PyDLL(None).sleep(8)
    store.dump_locked("in C", name, lock)
    store.close()
else:
    time.sleep(100)
"""


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def store(open_store):
    return open_store()


def hold(where, url, what="sleep", before=(), name=NAME):
    """A process that holds the lock; returns it, its number and that of its helper."""
    script = write(where, HOLDER, "holder.py")
    command = [*before, sys.executable, script, name.decode(), url, what]
    holder = Running(
        subprocess.Popen(
            [str(word) for word in command],
            cwd=where,
            env=environment(where),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    )
    wait_for_file(where / "pid", alive=holder)
    pid, helper = map(int, (where / "pid").read_text().split())
    return holder, pid, helper


def get_in_the_end(lock):
    end = time.monotonic() + HANGS
    while not lock.get():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2]


# Signs of life


def test_who_holds_locks_has_one_sign_of_life_which_expires(server, store):
    for name in (NAME, OTHER):
        assert store.getlock(name).get()
    (worker,) = store.workers()
    assert (worker.host, worker.pid, worker.gone) == (os.uname().nodename, os.getpid(), False)
    assert 0 < server.ask("PTTL", f"worker:{worker.worker}") <= 45_000
    details = store.lock_details()
    assert {details[name].worker for name in (NAME, OTHER)} == {worker.worker}
    assert not details[NAME].abandoned
    assert 0 <= details[NAME].silent < HANGS


def test_who_leaves_takes_everything_along(server, store):
    assert store.getlock(NAME).get()
    helper = store._worker._helper
    store.close()
    assert server.ask("KEYS", "*") == []
    assert helper.wait(HANGS) == 0


def test_a_failed_lock_stays_when_its_holder_leaves(server, store, open_store):
    lock = store.getlock(NAME)
    assert lock.get()
    assert lock.fail()
    store.close()
    assert open_store().lock_states() == {NAME: True}
    assert not open_store().lock_details()[NAME].abandoned


def test_who_only_looks_is_no_worker(server, store):
    store.dump(1, NAME)
    assert list(store.list()) == [NAME]
    assert (store.lock_details(), store.workers(), store.remove_abandoned()) == ({}, [], 0)
    assert server.ask("KEYS", "*") == [b"result:" + NAME]


def test_a_sign_of_life_that_the_server_has_forgotten_comes_back(server, open_store):
    store = open_store("?lease=2")
    assert store.getlock(NAME).get()
    (before,) = store.workers()
    server.ask("FLUSHALL")
    wait_until(store.workers)
    (after,) = store.workers()
    assert (after.worker, after.run, after.pid) == (before.worker, before.run, before.pid)
    wait_until(lambda: server.ask("PTTL", f"worker:{after.worker}") > 0)


def test_a_task_that_does_not_let_python_run_keeps_its_lock(tmp_path, server, open_store):
    holder, _, _ = hold(tmp_path, server.url + "?lease=4", "C")
    other = open_store("?lease=4")
    lock = other.getlock(NAME)
    while holder.process.poll() is None and not other.can_load(NAME):
        assert not lock.get() or other.can_load(NAME)
        time.sleep(0.05)
    assert holder.wait().code == 0
    assert other.load(NAME) == "in C"


def test_a_helper_that_was_killed_is_replaced_with_the_next_lock(store):
    assert store.getlock(NAME).get()
    first = store._worker._helper
    first.kill()
    first.wait()
    assert store.getlock(OTHER).get()
    assert store._worker._helper.pid != first.pid
    assert len(store.workers()) == 1
    assert not store.getlock(NAME).get()


# The end of a holder


@pytest.mark.parametrize("what", ["sleep", "fork"])
def test_the_lock_of_a_killed_process_is_given_back_at_once(tmp_path, server, open_store, what):
    _, pid, helper = hold(tmp_path, server.url, what)
    other = open_store()
    lock = other.getlock(NAME)
    assert not lock.get()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.ask("EXISTS", b"lock:" + NAME) == 0)  # nobody has asked for it, and it does not expire
    assert lock.get()
    wait_until(lambda: [worker.pid for worker in other.workers()] == [os.getpid()])
    wait_until(lambda: not is_there(helper))
    if what == "fork":
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_a_holder_of_this_machine_that_was_killed_with_its_helper_is_known_to_be_dead(tmp_path, server, open_store):
    _, pid, helper = hold(tmp_path, server.url)
    store = open_store()
    assert not store.getlock(NAME).get()
    os.kill(helper, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_there(pid))
    assert server.ask("PTTL", f"worker:{store.lock_details()[NAME].worker}") > 0
    assert store.lock_details()[NAME].abandoned
    assert [worker.gone for worker in store.workers() if worker.pid == pid] == [True]
    assert store.getlock(NAME).get()
    assert [worker.pid for worker in store.workers()] == [os.getpid()]


def test_abandoned_locks_and_failed_ones_can_be_removed(tmp_path, server, open_store):
    _, pid, helper = hold(tmp_path, server.url)
    store = open_store()
    assert store.getlock(OTHER).get()
    failed = store.getlock(THIRD)
    assert failed.get()
    assert failed.fail()
    server.ask("SET", b"holder:" + b"1" * 40, f"{os.uname().nodename}:{pid}:1.0:{'a' * 16}-1")  # without a lock
    assert store.remove_abandoned(failed=False) == 0
    for number in (helper, pid):
        os.kill(number, signal.SIGKILL)
    wait_until(lambda: not is_there(pid))
    assert store.remove_abandoned(failed=False) == 1
    assert store.lock_states() == {OTHER: False, THIRD: True}
    assert store.remove_abandoned() == 1
    assert store.lock_states() == {OTHER: False}


def test_who_waits_is_woken_by_the_end_of_a_holder(tmp_path, server, open_store):
    _, pid, _ = hold(tmp_path, server.url)
    store = open_store()
    assert not store.getlock(NAME).get()
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 2:
            os.kill(pid, signal.SIGKILL)
        time.sleep(min(seconds, 0.2))
        assert len(naps) < 1000

    store.wait_for_holders(3000, nap)
    assert sum(naps) < 1000
    assert max(naps) <= 1


def test_who_waits_for_nobody_waits_as_long_as_was_asked(store):
    naps = []
    store.wait_for_holders(12, naps.append)
    assert naps == [12]


@pytest.mark.slow
def test_a_worker_of_another_machine_is_silent_for_a_lease_and_then_its_lock_is_free(tmp_path, server, open_store):
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-p", "-u", "-f", "true"], check=False).returncode:
        pytest.skip("unshare cannot make another machine here")
    elsewhere = ["unshare", "--pid", "--uts", "--fork", "--kill-child", "sh", "-c", 'hostname elsewhere; exec "$@"', ""]
    holder, _, _ = hold(tmp_path, server.url + "?lease=8", before=elsewhere)
    store = open_store("?lease=8")
    lock = store.getlock(NAME)
    time.sleep(9)  # longer than a lease: it is alive
    assert not lock.get()
    details = store.lock_details()[NAME]
    assert (details.host, details.abandoned) == ("elsewhere", False)
    holder.process.kill()  # and with it all of that "machine", the helper included
    get_in_the_end(lock)
    assert server.ask("KEYS", "worker:*") == [b"worker:" + store._worker.name]


@pytest.mark.slow
def test_a_stopped_worker_loses_its_lock_and_writes_over_nothing_when_it_goes_on(tmp_path, server, open_store):
    write(
        tmp_path,
        """
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def who():
            open("started", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
            return os.getpid()

        it = who()
        """,
    )
    url = server.url + "?lease=4"
    worker = start_python(tmp_path, "-m", "jug", "execute", "--jugdir", url)
    wait_for_file(tmp_path / "started", alive=worker)
    worker.process.send_signal(signal.SIGSTOP)
    store = open_store("?lease=4")
    (name,) = store.listlocks()
    lock = store.getlock(name)
    get_in_the_end(lock)
    (tmp_path / "go").touch()
    assert store.dump_locked("the successor's", name, lock)
    assert store.getlock(name).get()  # somebody holds it when the first one goes on
    worker.process.send_signal(signal.SIGCONT)
    done = worker.wait()
    assert done.code == 0
    assert "was run by another worker, too, since this one gave no sign of life" in done.err
    assert store.load(name) == "the successor's"
    assert list(store.listlocks()) == [name]


# Nobody else


def test_a_sign_of_life_that_is_missing_for_a_moment_proves_nothing(server, store, open_store, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("jug.backends.redis.liveness.time.monotonic", lambda: clock[0])
    # As of a machine that nobody here knows.
    token = b"elsewhere:1:1.0:%s-1" % (b"a" * 16)
    server.ask("MSET", b"lock:" + NAME, "L", b"holder:" + NAME, token)
    store.run_id()
    lock = store.getlock(NAME)
    assert not lock.get()
    clock[0] += 14
    assert not lock.get()
    server.ask("SET", "worker:" + "a" * 16, "1", "PX", 45_000)
    clock[0] += 14
    assert not lock.get()
    server.ask("DEL", "worker:" + "a" * 16)
    assert not lock.get()
    assert not store.lock_details()[NAME].abandoned
    clock[0] += 14
    assert not lock.get()
    store._link.absences += 1  # the server was away: nobody could be heard
    clock[0] += 14
    assert not lock.get()
    clock[0] += 14
    assert not store.lock_details()[NAME].abandoned
    clock[0] += 1
    assert store.lock_details()[NAME].abandoned
    assert lock.get()


def test_who_comes_back_at_the_last_moment_keeps_its_lock(server, store, monkeypatch):
    token = b"elsewhere:1:1.0:%s-1" % (b"a" * 16)
    server.ask("MSET", b"lock:" + NAME, "L", b"holder:" + NAME, token)
    store.run_id()
    bury = store._liveness.bury

    def come_back_and_bury(workers):
        server.ask("SET", "worker:" + "a" * 16, "1", "PX", 45_000)
        return bury(workers)

    monkeypatch.setattr("jug.backends.redis.liveness.WATCH", 0)
    monkeypatch.setattr(store._liveness, "bury", come_back_and_bury)
    assert not store.getlock(NAME).get()
    assert server.ask("GET", b"holder:" + NAME) == token


def test_who_only_looks_believes_a_server_that_has_been_up_for_a_lease(server, open_store, monkeypatch):
    server.ask("MSET", b"lock:" + NAME, "L", b"holder:" + NAME, b"elsewhere:1:1.0:%s-1" % (b"a" * 16))
    looker = open_store()
    for up, abandoned in (("59", False), ("60", True)):
        monkeypatch.setattr(looker._link, "facts", lambda up=up: {"uptime_in_seconds": up})
        assert looker.lock_details()[NAME].abandoned is abandoned
    assert looker.remove_abandoned() == 1
    assert list(looker.listlocks()) == []


def test_a_lock_of_2_7_is_never_abandoned(server, store, monkeypatch):
    monkeypatch.setattr("jug.backends.redis.liveness.WATCH", 0)
    server.ask("SET", b"lock:" + NAME, "L")
    store.run_id()
    assert not store.getlock(NAME).get()
    assert not store.lock_details()[NAME].abandoned
    assert store.remove_abandoned() == 0
    assert not store.getlock(NAME).get()


def test_a_process_made_by_fork_is_another_worker(server, store):
    assert store.getlock(NAME).get()
    pid = os.fork()
    if pid == 0:
        is_right = not store.getlock(NAME).get() and store.getlock(OTHER).get() and len(store.workers()) == 2
        store.close()
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert list(store.listlocks()) == [NAME]
    assert [worker.pid for worker in store.workers()] == [os.getpid()]


def test_a_lock_of_ours_that_comes_back_after_we_gave_it_back_is_ours_to_take(server, store, open_store):
    lock = store.getlock(NAME)
    assert lock.get()
    other = store.getlock(OTHER)
    assert other.get()
    left = {key: server.ask("GET", key) for key in (b"lock:" + NAME, b"holder:" + NAME)}
    lock.release()
    client = server.client()
    client.mset(left)  # as after a restart from an old file
    client.close()
    assert not open_store().getlock(NAME).get()
    assert store.getlock(NAME).get()
    assert not store.getlock(NAME).get()
    assert not store.getlock(OTHER).get()


def test_what_is_taken_back_if_the_worker_ends_is_also_a_lock_that_came_back(server, store):
    assert store.getlock(OTHER).get()
    token = b"%s:%d:1.0:%s-77" % (os.uname().nodename.encode(), os.getpid(), store._worker.name)
    server.ask("MSET", b"lock:" + NAME, "L", b"holder:" + NAME, token)
    helper = store._worker._helper
    store._worker._let_go()  # as when the process ends without a word
    assert helper.wait(HANGS) == 0
    assert server.ask("KEYS", "*") == []


# Runs


def test_workers_that_are_at_work_at_the_same_time_are_of_one_run(open_store):
    first, second, third = (open_store() for _ in range(3))
    run = first.run_id()
    assert (second.run_id(), first.run_id()) == (run, run)
    first.close()
    assert third.run_id() == run
    assert {worker.run for worker in third.workers()} == {run}
    second.close()
    third.close()
    assert open_store().run_id() != run


def test_of_workers_that_begin_at_once_none_has_a_run_of_its_own(tmp_path, server):
    script = write(
        tmp_path,
        """
        import os, sys, time
        from jug.backends.redis_store import redis_store
        store = redis_store(sys.argv[1])
        print(store.run_id(), flush=True)
        sys.stdin.read()
        """,
        "run.py",
    )
    workers = [start_python(tmp_path, script, server.url, stdin=subprocess.PIPE) for _ in range(6)]
    runs = {worker.process.stdout.readline() for worker in workers}
    assert len(runs) == 1
    assert [worker.wait("").code for worker in workers] == [0] * 6


# Secrets


def test_no_password_is_on_a_command_line():
    server = RedisServer("--requirepass", "open sesame").start()
    try:
        store = redis_store(server.url.replace("//", "//:open%20sesame@"))
        assert store.getlock(NAME).get()
        helper = store._worker._helper.pid
        for file in ("cmdline", "environ"):
            assert b"sesame" not in Path(f"/proc/{helper}/{file}").read_bytes()
        store.close()
    finally:
        server.close()


def test_lease_and_patience_can_be_set_until_the_first_lock(server, name):
    store = redis_store(server.url)
    store.lease, store.patience = 8.0, 30.0
    assert store.getlock(name).get()
    (sign,) = server.ask("KEYS", "worker:*")
    assert 0 < server.ask("PTTL", sign) <= 6000
    assert (store.lease, store.patience) == (8.0, 30.0)
    assert store.lock_details()[name].pid == os.getpid()
    store.remove_locks()
    store.close()


def test_what_others_say_of_themselves_are_signs(server, store):
    unsafe = "h\x1b[2J\u202e\n"
    facts = json.dumps({"host": unsafe, "user": unsafe, "pid": 5, "t": 1.0, "lease": 60})
    for worker in (b"\xff\x1b", b"ab"):
        server.ask("HSET", "jug:workers", worker, f"run\x1b {facts}")
    server.ask("HSET", "jug:workers", "deep", "run " + "[" * 100_000)
    server.ask("SET", b"lock:" + NAME, b"L")
    server.ask("SET", b"holder:" + NAME, f"{unsafe}:5:1.0:ab")
    told = [(worker.worker, worker.host, worker.user, worker.run) for worker in store.workers()]
    assert "".join(map("".join, told)).isprintable() and len(told) == 3
    assert ("ab", "h\\x1b[2J\\u202e\\n", "h\\x1b[2J\\u202e\\n", "run\\x1b") in told
    assert store.lock_details()[NAME].host == "h\\x1b[2J\\u202e\\n"
