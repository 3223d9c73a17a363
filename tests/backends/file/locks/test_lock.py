import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from jug.backends.file.locks.lock import file_based_lock
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem
from jug.errors import StoreError

FORK = multiprocessing.get_context("fork")
RACERS, LOCKS = 8, 200


class LateError(FileSystem):
    """Creates a file, and then cannot write to it; there are no links."""

    failing = "write"
    made = -1

    def link(self, source, target):
        raise OSError(95, "Operation not supported")

    def open_excl(self, path):
        self.made = super().open_excl(path) if path.endswith(".lock") else -1
        return self.made if self.made >= 0 else super().open_excl(path)

    def write(self, fd, data):
        if fd == self.made and self.failing == "write":
            raise OSError(30, "Read-only file system")
        return super().write(fd, data)

    def close(self, fd):
        super().close(fd)
        if fd == self.made and self.failing == "close":
            raise OSError(27, "File too large")


@contextmanager
def another_holder(jugdir, name):
    """Another process, which has the lock; yields its number."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=hold, args=(jugdir, name, theirs))
    process.start()
    assert ours.recv()
    try:
        yield process.pid
    finally:
        process.kill()
        process.join()


def hold(jugdir, name, connection):
    connection.send(file_based_lock(jugdir, name).get())
    signal.pause()


def test_a_lock_is_a_name_of_a_file_that_says_whose_it_is(tmp_path, name):
    lock = file_based_lock(tmp_path, name)
    assert lock.get()
    path = tmp_path / "locks" / f"{name.decode()}.lock"
    assert str(path) == lock.fullname
    facts, text = path.read_text().split("\n", 1)
    assert re.fullmatch(r"PID \d+ on HOSTNAME \S+\nLock created on \d{4}-\d\d-\d\d \(\d\dh\d\d\.\d\d\)\n", text)
    assert text.startswith(f"PID {os.getpid()} on HOSTNAME {os.uname().nodename}\n")
    assert lock.holder() == f"{os.uname().nodename}:{os.getpid()}"
    assert json.loads(facts)["pid"] == os.getpid()
    assert next((tmp_path / "tempfiles").iterdir()).samefile(path)


def test_a_failed_lock_has_the_time_one(tmp_path, name):
    lock = file_based_lock(tmp_path, name)
    lock.get()
    lock.fail()
    assert os.stat(lock.fullname).st_mtime == 1
    assert "PID" in Path(lock.fullname).read_text()
    assert [path.stat().st_mtime for path in (tmp_path / "tempfiles").iterdir() if path.stat().st_mtime == 1] == []


def test_the_lock_of_an_old_release_is_respected(tmp_path, name):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / f"{name.decode()}.lock").write_text("")
    lock = file_based_lock(tmp_path, name)
    assert not lock.get()
    assert lock.is_locked()
    assert file_store(tmp_path).lock_states() == {name: False}


@pytest.mark.parametrize("failing", ["write", "close"])
def test_an_error_while_locking_leaves_no_lock(tmp_path, name, failing):
    fs = LateError()
    fs.failing = failing
    (tmp_path / "locks").mkdir()
    with pytest.raises(StoreError, match=r"create the lock .*(Read-only|too large)"):
        file_based_lock(tmp_path, name, fs=fs).get()
    assert not file_based_lock(tmp_path, name).is_locked()


def test_a_lock_that_another_process_has_by_now_is_left_alone(tmp_path, name):
    lock = file_based_lock(tmp_path, name)
    assert lock.get()
    file_store(tmp_path).remove_locks()
    with another_holder(tmp_path, name):
        assert not lock.fail()
        lock.release()
        assert lock.is_locked()
        assert not lock.is_failed()


def test_a_name_cannot_lead_out_of_the_directory(tmp_path):
    with pytest.raises(ValueError, match="not the name of a lock"):
        file_based_lock(tmp_path, "../x")


def test_locks_below_a_file_cannot_be_had(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"Cannot use the jugdir .*/file/x: Not a directory"):
        file_based_lock(tmp_path / "file" / "x", name).get()


def test_foreign_names_are_no_locks_and_stay(tmp_path, name):
    store = file_store(tmp_path)
    store.getlock(name).get()
    foreign = ["README", "x.lock", "é.lock", "g" * 40 + ".lock", "a" * 40, "a" * 41 + ".lock"]
    for foreigner in foreign:
        (tmp_path / "locks" / foreigner).write_text("mine")
    (tmp_path / "locks" / "directory").mkdir()
    assert list(store.listlocks()) == [name]
    assert store.remove_locks() == 1
    assert sorted(os.listdir(tmp_path / "locks")) == sorted([*foreign, "directory"])


def race(jugdir, names, start, won):
    store = file_store(jugdir)
    start.wait()
    won.put([name for name in names if store.getlock(name).get()])
    start.wait()  # whoever ends gives his locks back


def test_of_many_processes_one_gets_each_lock(tmp_path):
    names = [b"%040x" % i for i in range(LOCKS)]
    start, won = FORK.Barrier(RACERS), FORK.SimpleQueue()
    racers = [FORK.Process(target=race, args=(tmp_path, names, start, won)) for _ in range(RACERS)]
    for racer in racers:
        racer.start()
    taken = [name for _ in racers for name in won.get()]
    for racer in racers:
        racer.join()
    assert sorted(taken) == names


def count(jugdir, name, counter, rounds):
    lock = file_based_lock(jugdir, name)
    while rounds:
        if lock.get():
            value = int(counter.read_text())
            counter.write_text(str(value + 1))
            lock.release()
            rounds -= 1


def test_what_is_done_under_a_lock_is_done_alone(tmp_path, name):
    counter = tmp_path / "counter"
    counter.write_text("0")
    workers = [FORK.Process(target=count, args=(tmp_path, name, counter, 100)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "400"


def test_the_lock_of_a_killed_holder_is_free(tmp_path, name):
    with another_holder(tmp_path, name) as pid:
        assert file_based_lock(tmp_path, name).holder().endswith(f":{pid}")
        assert not file_based_lock(tmp_path, name).get()
    assert not file_based_lock(tmp_path, name).is_locked()
    assert file_based_lock(tmp_path, name).get()


def test_what_the_locks_of_one_holder_say_is_read_once(tmp_path, names):
    calls = []

    class Recorder(FileSystem):
        def open_read(self, path):
            calls.append(path)
            return super().open_read(path)

    mine, failed = file_store(tmp_path), file_store(tmp_path)
    for name in names[:6]:
        assert mine.getlock(name).get()
    assert failed.getlock(names[6]).get() and failed.getlock(names[6]).fail()
    (tmp_path / "locks" / f"{names[7].decode()}.lock").write_text(f"{os.getpid()} {os.uname().nodename} 12345.0\n")
    looking = file_store(tmp_path, fs=Recorder())
    looking.lock_details()
    calls.clear()
    found = looking.lock_details()
    assert len(calls) == 3
    assert found.keys() == set(names[:8]) and [found[name].failed for name in names[:8]] == [False] * 6 + [True, False]
    for name in names[:8]:
        alone = looking.getlock(name).details()
        for field in ("failed", "host", "pid", "since", "abandoned", "worker"):
            assert getattr(found[name], field) == getattr(alone, field), (name, field)
    mine.close()


HOLDER = """
import sys, time
from jug.backends.file_store import file_store
store = file_store(sys.argv[1])
lock = store.getlock(sys.argv[2])
print(lock.get(), store._dir.ownership._watchdog.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("name", [b"0" * 40, b"my-own-key"], ids=["hash", "key"])
def test_release_removes_what_the_dead_left_and_not_what_the_living_hold(tmp_path, name):
    command = [sys.executable, "-c", HOLDER, str(tmp_path), name.decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            got, watchdog = holder.stdout.readline().split()
            assert got == "True"
            store = file_store(tmp_path)
            store.getlock(name).release()
            refused = store.getlock(name)
            assert not refused.get()
            refused.release()
            assert store.getlock(name).is_locked()
            assert store.listlocks() == [name]
            os.kill(int(watchdog), signal.SIGKILL)
        finally:
            holder.kill()
    assert store.lock_details()[name].abandoned
    store.getlock(name).release()
    assert store.listlocks() == []
