"""Locks that are given signs of life, and taken over when these stop."""

import errno
import gc
import os
import subprocess
import sys
import time

import pytest
from memory_fs import MemoryFS

from jug.backends.file_store import file_keepalive_based_lock, file_keepalive_store, file_store
from jug.backends.fsops import FileSystem
from jug.backends.keepalive import EXPIRES
from jug.backends.pulse import BEAT, Pulse
from jug.errors import StoreError

MINUTE = 60


class SlowClock(MemoryFS):
    """Time passes when the test says so, for the file server and for this process alike, or for one of them."""

    def __init__(self):
        super().__init__()
        self.own = 0.0

    def monotonic(self):
        return self.own

    def passes(self, seconds):
        self.clock_ns += int(seconds * 1e9)
        self.own += seconds


class NoPulse:
    def __init__(self):
        self.beating = set()

    def start(self, path):
        self.beating.add(path)

    def stop(self, path):
        self.beating.discard(path)

    def close(self):
        self.beating.clear()


@pytest.fixture
def fs():
    return SlowClock()


@pytest.fixture
def opened(fs):
    def open_store():
        store = file_keepalive_store("/jugdir", fs=fs)
        store._pulse = NoPulse()
        return store

    return open_store


@pytest.fixture
def dead(opened, name):
    """The store of an observer of a lock whose holder is gone."""
    assert opened().getlock(name).get()
    return opened()


def wait_and_look(fs, store, name, minutes, before=lambda: None):
    """As a worker that waits: it tries again and again; at which minute it has got the lock, or None."""
    for minute in range(minutes):
        before()
        if store.getlock(name).get():
            return minute
        fs.passes(MINUTE)
    return None


def test_a_lock_without_signs_of_life_is_taken_over_after_half_an_hour(fs, dead, name):
    assert wait_and_look(fs, dead, name, 60) == EXPIRES / MINUTE


def test_who_comes_later_waits_for_three_beats_only(fs, dead, name):
    fs.passes(2 * EXPIRES)
    assert wait_and_look(fs, dead, name, 60) == 3 * BEAT / MINUTE


def test_a_clock_of_the_server_that_jumps_robs_nobody(fs, opened, name):
    holder, observer = opened(), opened()
    lock = holder.getlock(name)
    assert lock.get()
    for minute in range(100):
        if minute == 50:
            fs.clock_ns += 10**9 * 24 * 3600
        assert not observer.getlock(name).get()
        fs.passes(MINUTE)
        fs.utime(lock.fullname, None)


def test_a_clock_of_the_server_that_stands_still_does_not_keep_the_dead(fs, dead, name):
    assert not dead.getlock(name).get()
    fs.own += EXPIRES
    assert dead.getlock(name).get()


def test_a_lock_that_has_expired_is_not_seen_any_more(fs, dead, name):
    assert list(dead.listlocks()) == [name]
    fs.passes(EXPIRES)
    assert list(dead.listlocks()) == []
    assert dead.lock_states() == {}
    assert dead.lock_details() == {}
    assert not dead.getlock(name).is_locked()
    assert not dead.getlock(name).is_failed()


def test_a_lock_that_has_expired_can_be_removed(fs, dead, name):
    list(dead.listlocks())
    fs.passes(EXPIRES)
    assert dead.remove_locks() == 1
    assert fs.listdir("/jugdir/locks") == []


def test_a_failed_lock_never_expires(fs, opened, name):
    lock = opened().getlock(name)
    assert lock.get()
    assert lock.fail()
    store = opened()
    for _ in range(3):
        assert not store.getlock(name).get()
        assert store.lock_states() == {name: True}
        fs.passes(EXPIRES)


def test_the_signs_of_life_end_before_the_lock_does(opened, name):
    store = opened()
    for end in ("release", "fail"):
        lock = store.getlock(name)
        lock.get()
        assert store._pulse.beating == {lock.fullname}
        getattr(lock, end)()
        assert store._pulse.beating == set()


def test_who_was_robbed_leaves_the_lock_of_the_other_alone(fs, opened, name):
    frozen = opened().getlock(name)
    assert frozen.get()
    other = opened()
    assert wait_and_look(fs, other, name, 60)
    assert not frozen.fail()
    frozen.release()
    assert other.getlock(name).is_locked()
    assert not other.getlock(name).is_failed()


def test_of_many_who_see_a_dead_lock_one_gets_it(fs, dead, opened, name):
    others = [opened() for _ in range(5)]
    for store in others:
        list(store.listlocks())
    fs.passes(EXPIRES)
    assert sum(store.getlock(name).get() for store in others) == 1


def test_one_who_looked_before_another_took_over_does_not_take_it_from_him(fs, dead, opened, name):
    """Between looking and removing, somebody else is faster: only the lock that was judged is removed."""
    list(dead.listlocks())
    fs.passes(EXPIRES)
    quick = opened()
    list(quick.listlocks())
    fs.passes(EXPIRES)
    original, done = fs.open_excl, []

    def open_excl(path):
        if "steal-" in path and fs.open_excl is open_excl:
            fs.open_excl = original
            done.append(quick.getlock(name).get())
        return original(path)

    fs.open_excl = open_excl
    assert not dead.getlock(name).get()
    assert done == [True]


def test_who_is_killed_while_he_takes_over_stands_in_the_way_for_a_minute(fs, dead, name):
    list(dead.listlocks())
    fs.passes(EXPIRES)
    steal = f"/jugdir/tempfiles/steal-{name.decode()}.lock"
    dead.create()
    fs.close(fs.open_excl(steal))
    assert wait_and_look(fs, dead, name, 10) == 3


def test_it_does_not_stand_in_the_way_of_a_worker_that_lists_locks_in_between(fs, dead, name):
    """As workers do: a lock that has expired is not listed, so they try to get it."""
    list(dead.listlocks())
    fs.passes(EXPIRES)
    dead.create()
    fs.close(fs.open_excl(f"/jugdir/tempfiles/steal-{name.decode()}.lock"))
    assert wait_and_look(fs, dead, name, 10, dead.listlocks) == 3


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_who_cannot_write_is_told_of_locks_all_the_same(fs, dead, name, number, monkeypatch):
    def refuse(path):
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(fs, "open_excl", refuse)
    while fs.own < EXPIRES:
        assert list(dead.listlocks()) == [name]
        assert dead.getlock(name).is_locked()
        fs.passes(MINUTE)
    assert list(dead.listlocks()) == []


def test_the_clock_of_the_server_is_not_asked_for_each_lock(fs, opened, names, monkeypatch):
    for name in names:
        assert opened().getlock(name).get()
    observer = opened()
    observer.lock_states()
    fs.passes(5 * MINUTE)
    asked, plain = [], fs.open_excl
    monkeypatch.setattr(fs, "open_excl", lambda path: asked.append(path) or plain(path))
    assert set(observer.lock_states()) == set(names)
    assert len(asked) == 1
    fs.passes(EXPIRES)
    assert observer.lock_states() == {}


@pytest.mark.parametrize("vanishing", ["steal-", ".lock"])
def test_a_lock_that_somebody_else_removes_meanwhile_is_no_mistake(fs, dead, name, vanishing, monkeypatch):
    """Nor is one that we removed although the answer got lost."""
    list(dead.listlocks())
    fs.passes(EXPIRES)
    plain = fs.unlink

    def unlink(path):
        plain(path)
        if vanishing in path:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    monkeypatch.setattr(fs, "unlink", unlink)
    assert dead.getlock(name).get()


# Signs of life


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lock\nwith a strange näme"
    path.write_text("")
    os.utime(path, (1000, 1000))
    return path


@pytest.fixture
def pulse():
    pulse = Pulse(FileSystem(), beat=0.05)
    yield pulse
    pulse.close()


def is_refreshed(path, seconds=10.0):
    os.utime(path, (1000, 1000))
    end = time.monotonic() + seconds
    while path.stat().st_mtime == 1000 and time.monotonic() < end:
        time.sleep(0.01)
    return path.stat().st_mtime != 1000


def test_a_held_lock_is_refreshed_until_told_otherwise(pulse, path):
    pulse.start(str(path))
    assert is_refreshed(path)
    assert is_refreshed(path)
    pulse.stop(str(path))
    assert not is_refreshed(path, 0.3)


def test_other_locks_go_on(pulse, path, tmp_path):
    other = tmp_path / "other"
    other.write_text("")
    pulse.start(str(path))
    pulse.start(str(other))
    pulse.stop(str(path))
    assert is_refreshed(other)
    assert not is_refreshed(path, 0.3)


def test_a_lock_that_another_worker_made_in_its_place_is_not_refreshed(pulse, path):
    pulse.start(str(path))
    path.unlink()
    path.write_text("another's")
    assert not is_refreshed(path, 0.3)


def test_the_process_is_started_again_if_it_was_killed(pulse, path, tmp_path):
    pulse.start(str(path))
    pulse._process.kill()
    pulse._process.wait()
    other = tmp_path / "other"
    other.write_text("")
    pulse.start(str(other))
    assert is_refreshed(path)
    assert is_refreshed(other)


def test_it_goes_on_while_python_stands_still(path):
    """The worker is stopped, which a task that computes in C looks like from here."""
    program = "import sys, time\nfrom jug.backends.fsops import FileSystem\nfrom jug.backends.pulse import Pulse\n"
    program += "pulse = Pulse(FileSystem(), 0.05)\npulse.start(sys.argv[1])\nprint(pulse._process.pid, flush=True)\n"
    program += "time.sleep(600)"
    worker = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    try:
        helper = int(worker.stdout.readline())
        worker.send_signal(19)
        assert is_refreshed(path)
    finally:
        worker.kill()
        worker.communicate()
    wait_for_end(helper)
    assert not is_refreshed(path, 0.3)


def wait_for_end(pid):
    """An orphan is waited for by somebody else."""
    end = time.monotonic() + 30
    while FileSystem().is_running(pid):
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "Z":
                return
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_process_ends_with_the_store(tmp_path, name):
    store = file_keepalive_store(tmp_path)
    store.getlock(name).get()
    process = store._pulse._process
    store.close()
    assert process.returncode == 0
    store = file_keepalive_store(tmp_path)
    store.getlock(b"f" * 40).get()
    process = store._pulse._process
    del store
    gc.collect()
    assert process.returncode == 0


def test_after_a_fork_the_child_has_a_process_of_its_own(tmp_path, names):
    store = file_keepalive_store(tmp_path)
    assert store.getlock(names[0]).get()
    helper = store._pulse._process.pid
    pid = os.fork()
    if pid == 0:
        ok = store.getlock(names[1]).get() and store._pulse._process.pid != helper
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert store._pulse._process.poll() is None
    store.close()


def test_no_process_before_there_is_a_lock(tmp_path, name):
    store = file_keepalive_store(tmp_path / "jugdir")
    store.dump(1, name)
    store.getlock(name).is_locked()
    assert list(store.listlocks()) == []
    assert store._pulse._process is None


def test_a_process_that_cannot_be_started_costs_the_lock_and_is_said(tmp_path, name, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/not/there")
    store = file_keepalive_store(tmp_path)
    with pytest.raises(StoreError, match="Cannot start the process that keeps locks alive"):
        store.getlock(name).get()
    assert list(store.listlocks()) == []


def test_it_is_found_even_if_python_does_not_know_where_it_is_itself(tmp_path, name, monkeypatch):
    """As in a program with Python inside."""
    monkeypatch.setattr(sys, "executable", None)
    store = file_keepalive_store(tmp_path)
    assert store.getlock(name).get()
    store.close()


def test_a_plain_store_and_this_one_exclude_each_other(tmp_path, name):
    plain, other = file_store(tmp_path).getlock(name), file_keepalive_store(tmp_path).getlock(name)
    assert isinstance(other, file_keepalive_based_lock)
    assert plain.get()
    assert not other.get()
    plain.release()
    assert other.get()
    assert not plain.get()
    other.release()
