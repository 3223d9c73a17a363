"""The process that looks after what a worker holds: real processes, and real signals."""

import errno
import gc
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ROOT

from jug.backends.file.prefetch.watch_duty import Watchdog
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem
from jug.backends.system.proc import process
from jug.backends.system.retry import Retrying
from jug.backends.watchdog.process import Charge
from jug.errors import StoreError

HOLDER = """
import os, signal, sys, time
from jug.backends.file_store import file_store
store = file_store(sys.argv[1])
store.lease = float(sys.argv[3])
lock = store.getlock(sys.argv[2])
print(lock.get(), store._dir.ownership._watchdog.pid, flush=True)
{then}
time.sleep(600)
"""
SECONDS = 60


class Holder:
    """A process that has a lock, and its watchdog."""

    def __init__(self, jugdir, name, lease=300.0, then="", prefix=()):
        words = [*prefix, sys.executable, "-c", HOLDER.format(then=then), str(jugdir), name.decode(), str(lease)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env)
        got, watchdog = self.process.stdout.readline().split()
        assert got == "True"
        self.pid, self.watchdog = self.process.pid, int(watchdog)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def holder(tmp_path, name):
    started = []

    def start(*args, **kwargs):
        started.append(Holder(tmp_path, name, *args, **kwargs))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def until(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.mark.parametrize("seconds", [0, 1.5])  # before and after its watchdog has begun to look around
def test_a_killed_worker_has_nothing_any_more_and_nobody_had_to_come(holder, tmp_path, seconds):
    started = holder()
    time.sleep(seconds)
    started.kill()
    until(lambda: os.listdir(tmp_path / "locks") == [], "the lock stays")
    until(lambda: os.listdir(tmp_path / "tempfiles") == [], "something stays")


def test_its_watchdog_ends_with_it(holder):
    started = holder()
    assert process(started.watchdog) is not None
    started.kill()
    until(lambda: process(started.watchdog) is None, "the watchdog stays")


def test_a_worker_that_is_killed_with_its_watchdog_is_noticed(holder, tmp_path, name):
    started = holder()
    store = file_store(tmp_path)
    assert not store.getlock(name).get()
    os.kill(started.watchdog, signal.SIGKILL)
    started.kill()
    assert store.getlock(name).get()
    store.getlock(name).remove()
    store.close()


def test_children_of_a_worker_do_not_keep_what_it_had(holder, tmp_path):
    """They have all that it had open."""
    then = "pid = os.fork() or time.sleep(600)\nprint(pid, flush=True)"
    started = holder(then=then)
    child = int(started.process.stdout.readline())
    started.process.kill()
    started.process.wait()
    try:
        assert process(child) is not None
        until(lambda: os.listdir(tmp_path / "locks") == [], "the lock stays")
    finally:
        os.kill(child, signal.SIGKILL)


def stamp(tmp_path, name):
    return os.stat(tmp_path / "locks" / f"{name.decode()}.lock").st_mtime_ns


def test_there_are_signs_of_life_while_python_stands_still(holder, tmp_path, name):
    """As in a function in C that keeps the interpreter for itself."""
    then = "import ctypes; ctypes.PyDLL(None).sleep(600)"
    holder(lease=1.0, then=then)
    before = stamp(tmp_path, name)
    until(lambda: stamp(tmp_path, name) != before, "no sign of life")
    before = stamp(tmp_path, name)
    until(lambda: stamp(tmp_path, name) != before, "no second sign of life")


def test_a_stopped_worker_gives_no_signs_of_life(holder, tmp_path, name):
    started = holder(lease=1.0)
    until(lambda: "RUNS" in (tmp_path / "locks" / f"{name.decode()}.lock").read_text(), "no note")
    os.kill(started.pid, signal.SIGSTOP)
    time.sleep(0.5)
    before = stamp(tmp_path, name)
    store = file_store(tmp_path)
    until(lambda: not store.getlock(name).is_locked(), "the lock is not free")
    path = tmp_path / "tempfiles" / own_file(tmp_path, started.pid)
    assert path.stat().st_mtime_ns == before
    os.kill(started.pid, signal.SIGCONT)
    until(lambda: path.stat().st_mtime_ns != before, "no sign of life")
    os.kill(started.pid, signal.SIGSTOP)
    until(store.getlock(name).get, "the lock is not free")
    os.kill(started.pid, signal.SIGCONT)
    started.kill()
    until(lambda: process(started.watchdog) is None, "the watchdog stays")
    assert store.lock_details()[name].pid == os.getpid()  # the watchdog has left it alone
    store.getlock(name).remove()
    store.close()


def own_file(tmp_path, pid):
    (found,) = [name for name in os.listdir(tmp_path / "tempfiles") if f"{pid:08x}" in name and name[:2] == "w-"]
    return found


def test_what_takes_longer_than_a_moment_is_noted(holder, tmp_path, name):
    before = time.time()
    started = holder()
    store = file_store(tmp_path)
    until(lambda: b"RUNS" in (tmp_path / "tempfiles" / own_file(tmp_path, started.pid)).read_bytes(), "no note")
    told = store.lock_details()[name]
    assert before <= told.since <= time.time()
    assert told.pid == started.pid


def test_a_worker_of_another_machine_is_taken_for_gone_after_its_lease(holder, tmp_path, name):
    """Another name, and other numbers of processes, is another machine."""
    unshare = (
        "unshare",
        "--pid",
        "--fork",
        "--uts",
        "--kill-child",
        "sh",
        "-c",
        'hostname elsewhere && exec "$@"',
        "sh",
    )
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user, or this system, cannot make namespaces of processes")
    started = holder(lease=2.0, prefix=unshare)
    store = file_store(tmp_path)
    assert not store.getlock(name).get()
    assert store.lock_details()[name].host == "elsewhere"
    begin = time.monotonic()
    while time.monotonic() - begin < 4.0:  # twice the lease
        assert not store.getlock(name).get()
        time.sleep(0.1)
    started.kill()  # and all that is in there, the watchdog too
    until(store.getlock(name).get, "the lock is not free")
    store.getlock(name).remove()
    store.close()


def test_a_watchdog_that_was_killed_is_replaced(tmp_path, names):
    store = file_store(tmp_path)
    assert store.getlock(names[0]).get()
    first = store._dir.ownership._watchdog
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not first.is_alive(), "it lives")
    assert store.getlock(names[1]).get()
    second = store._dir.ownership._watchdog
    assert second.pid != first.pid
    assert second.is_alive()
    for name in names[:2]:
        store.remove_lock(name)


@pytest.mark.parametrize("seconds", [0, 1.5])  # before and after it has begun to look around
def test_it_ends_with_the_store(tmp_path, name, seconds):
    store = file_store(tmp_path)
    lock = store.getlock(name)
    lock.get()
    watchdog = store._dir.ownership._watchdog
    time.sleep(seconds)
    lock.release()
    store.close()
    assert not watchdog.is_alive()
    assert os.listdir(tmp_path / "tempfiles") == []


def test_it_ends_with_the_store_although_it_could_not_remove_the_owner_file_at_once(tmp_path, name, monkeypatch):
    store = file_store(tmp_path)
    store.dump(1, name)
    watchdog = store._dir.ownership._watchdog
    (tmp_path / "tempfiles").rename(tmp_path / "away")  # as if a disk were gone for a moment
    store.close()
    assert not watchdog.is_alive()
    assert file_store(tmp_path).load(name) == 1


def test_it_ends_when_nobody_refers_to_the_store_any_more(tmp_path, name):
    store = file_store(tmp_path)
    store.dump(1, name)
    watchdog = store._dir.ownership._watchdog
    del store
    gc.collect()
    assert not watchdog.is_alive()
    until(lambda: os.listdir(tmp_path / "tempfiles") == [], "something stays")


def test_a_lock_to_which_nobody_refers_stays_as_long_as_the_process(tmp_path, name):
    file_store(tmp_path).getlock(name).get()
    gc.collect()
    assert not file_store(tmp_path).getlock(name).get()
    file_store(tmp_path).remove_locks()


def test_there_is_none_before_there_is_something_to_look_after(tmp_path, name):
    store = file_store(tmp_path / "jugdir")
    store.can_load(name)
    store.getlock(name).is_locked()
    assert list(store.listlocks()) == []
    assert store._dir.ownership._watchdog is None


def test_one_that_cannot_be_started_costs_the_lock_and_is_said(tmp_path, name, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/not/there")
    store = file_store(tmp_path)
    with pytest.raises(StoreError, match="Cannot start the process that keeps locks alive"):
        store.getlock(name).get()
    assert list(store.listlocks()) == []
    assert os.listdir(tmp_path / "tempfiles") == []


def test_it_is_found_even_if_python_does_not_know_where_it_is_itself(tmp_path, name, monkeypatch):
    """As in a program with Python inside."""
    monkeypatch.setattr(sys, "executable", None)
    store = file_store(tmp_path)
    lock = store.getlock(name)
    assert lock.get()
    lock.release()
    store.close()


class Net(FileSystem):
    """A file system that may show what was the case some time ago."""

    def kind(self, path):
        return "nfs4"


def test_over_a_network_a_lock_with_a_result_goes_when_its_directory_is_surely_seen_to_have_changed(tmp_path, name):
    store = file_store(tmp_path, fs=Net())
    lock = store.getlock(name)
    assert lock.get()
    assert store.dump_locked(1, name, lock)
    lock.release()
    assert list(store.listlocks()) == [name]
    before = os.stat(tmp_path / name[:2].decode()).st_mtime_ns
    until(lambda: list(store.listlocks()) == [], "the lock stays")
    assert os.stat(tmp_path / name[:2].decode()).st_mtime_ns > before
    store.close()


def test_over_a_network_a_lock_without_a_result_goes_at_once(tmp_path, name):
    store = file_store(tmp_path, fs=Net())
    lock = store.getlock(name)
    assert lock.get()
    lock.release()
    assert list(store.listlocks()) == []
    store.close()


def test_over_a_network_no_lock_is_left_when_the_store_is_closed(tmp_path, names):
    store = file_store(tmp_path, fs=Net())
    for name in names:
        lock = store.getlock(name)
        assert lock.get()
        assert store.dump_locked(1, name, lock)
        lock.release()
    store.close()
    assert os.listdir(tmp_path / "locks") == []
    assert os.listdir(tmp_path / "tempfiles") == []


def test_over_a_network_who_has_deferred_a_lock_can_have_it_again(tmp_path, name):
    store = file_store(tmp_path, fs=Net())
    lock = store.getlock(name)
    assert lock.get()
    assert store.dump_locked(1, name, lock)
    lock.release()
    store.remove(name)
    assert lock.get()
    time.sleep(2.5)  # it would have gone by now
    assert lock.is_ours()
    lock.release()
    store.close()
    assert os.listdir(tmp_path / "locks") == []


class LastWords:
    """The line to a worker that defers the lock, and ends."""

    mirror = None

    def __init__(self, name):
        self._messages = [["d" + name.decode(), "b"], None]

    def listen(self, seconds):
        return self._messages.pop(0)

    def is_stopped(self):
        return False


@pytest.mark.parametrize("times", [1, 5])
def test_a_deferred_lock_goes_although_it_could_not_be_removed_at_first(tmp_path, name, monkeypatch, times):
    store = file_store(tmp_path)
    assert store.getlock(name).get()
    worker = store._dir.ownership
    left = [times]

    def unlink(fs, path):
        if path.endswith(".lock") and "/locks/" in path and left[0]:
            left[0] -= 1
            raise OSError(errno.EIO, "Input/output error")
        os.unlink(path)

    monkeypatch.setattr(FileSystem, "unlink", unlink)
    fs = Retrying(FileSystem())
    Watchdog(fs, Charge(worker.file(), os.getpid(), 300.0), LastWords(name)).run()
    assert left == [0] and os.listdir(tmp_path / "locks") == []
    worker.close()


def test_a_store_is_left_although_the_owner_file_cannot_be_closed_or_removed(tmp_path, name, monkeypatch):
    def fail(fs, what):
        raise OSError(errno.EROFS, "Read-only file system")

    store = file_store(tmp_path)
    store.dump(1, name)
    monkeypatch.setattr(FileSystem, "close", lambda fs, fd: (os.close(fd), fail(fs, fd)))
    monkeypatch.setattr(FileSystem, "unlink", fail)
    store.close()
    monkeypatch.undo()
    assert file_store(tmp_path).load(name) == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_it_does_not_end_by_what_a_batch_system_sends_to_all_processes_of_a_job(holder, tmp_path, signum):
    started = holder()
    assert blocks(started.watchdog, signum)
    os.kill(started.watchdog, signum)
    started.kill()
    until(lambda: os.listdir(tmp_path / "locks") == [], "the lock stays")
    until(lambda: os.listdir(tmp_path / "tempfiles") == [], "something stays")


def blocks(pid, signum):
    (line,) = re.findall(r"^SigBlk:\s+(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(line, 16) >> (signum - 1) & 1


def test_a_program_around_this_python_is_not_taken_for_the_worker(tmp_path, name, monkeypatch):
    """The watchdog's parent is that program then."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrapper))
    store = file_store(tmp_path / "jugdir")
    lock = store.getlock(name)
    assert lock.get()
    time.sleep(2.5)  # some of its ticks
    assert lock.is_ours()
    lock.release()
    store.close()


def test_watchdogs_that_are_replaced_leave_no_open_files(tmp_path, names):
    store = file_store(tmp_path)
    store._dir.owner_file()
    before = len(os.listdir("/proc/self/fd"))
    for name in names[:5]:
        watchdog = store._dir.ownership._watchdog
        os.kill(watchdog.pid, signal.SIGKILL)
        until(lambda watchdog=watchdog: not watchdog.is_alive(), "it lives")
        assert store.getlock(name).get()
    assert len(os.listdir("/proc/self/fd")) == before
    store.remove_locks()


def test_one_that_cannot_be_started_again_costs_no_result(tmp_path, name, monkeypatch):
    store = file_store(tmp_path)
    lock = store.getlock(name)
    assert lock.get()
    os.kill(store._dir.ownership._watchdog.pid, signal.SIGKILL)
    until(lambda: not store._dir.ownership._watchdog.is_alive(), "it lives")
    monkeypatch.setattr(sys, "executable", "/not/there")
    assert store.dump_locked("value", name, lock)
    lock.release()
    assert store.load(name) == "value"
    store.close()


def test_a_process_that_a_task_forks_has_nothing_of_what_its_worker_holds(tmp_path, name):
    store = file_store(tmp_path)
    lock = store.getlock(name)
    assert lock.get()
    pid = os.fork()
    if pid == 0:
        failed = lock.fail()
        lock.release()
        os._exit(int(failed))
    assert os.waitpid(pid, 0)[1] == 0
    assert lock.is_ours()
    assert not lock.is_failed()
    lock.release()
    store.close()


def test_an_interruption_just_after_the_lock_was_made_leaves_none(tmp_path, name, monkeypatch):
    store = file_store(tmp_path)
    store.create()
    plain = store._fs.link

    def link(source, target):
        plain(source, target)
        raise KeyboardInterrupt

    (tmp_path / "locks").mkdir()
    monkeypatch.setattr(store._fs, "link", link, raising=False)
    lock = store.getlock(name)
    with pytest.raises(KeyboardInterrupt):
        lock.get()
    monkeypatch.undo()
    assert os.listdir(tmp_path / "locks") == []
    assert lock.get()
    lock.release()
    store.close()


def test_over_a_network_what_was_deferred_is_done_by_the_next_watchdog_too(tmp_path, name):
    store = file_store(tmp_path, fs=Net())
    lock = store.getlock(name)
    assert lock.get()
    assert store.dump_locked(1, name, lock)
    lock.release()
    os.kill(store._dir.ownership._watchdog.pid, signal.SIGKILL)
    until(lambda: not store._dir.ownership._watchdog.is_alive(), "it lives")
    store._dir.owner_file()
    until(lambda: list(store.listlocks()) == [], "the lock stays")
    store.close()


@pytest.mark.parametrize(("stamp", "seconds"), [(9_500_000_000, 0.05), (9_000_000_000, 1.05)])
def test_before_a_deferred_lock_goes_the_time_stamps_of_all_that_may_be_new_move_on(
    tmp_path, name, monkeypatch, stamp, seconds
):
    """Where they are whole seconds, that takes a second."""
    store = file_store(tmp_path)
    assert store.getlock(name).get()
    store.dump(1, name)
    worker = store._dir.ownership
    new = [tmp_path, tmp_path / name[:2].decode()]
    for path in (*new, worker.file().path):
        os.utime(path, ns=(stamp, stamp))
    slept = []
    monkeypatch.setattr(FileSystem, "sleep", lambda fs, seconds: slept.append(seconds))
    Watchdog(FileSystem(), Charge(worker.file(), os.getpid(), 300.0), LastWords(name)).run()
    assert slept == [seconds]
    assert [path for path in new if path.stat().st_mtime_ns == stamp] == []
    assert os.listdir(tmp_path / "locks") == []
    worker.close()
