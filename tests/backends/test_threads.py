"""Threads that ask one store: a look that one of them has not finished is no answer for the others."""

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import jug
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem

NAMES = [b"%040x" % (7 * number**5) for number in range(3000)]
MANY = 8  # threads
LONG = 30  # seconds after which something hangs


def put(store, numbers):
    """Store the numbers, each under its lock and in one group."""
    for number in numbers:
        lock = store.getlock(NAMES[number])
        assert lock.get()
        store.dump_soon(number, NAMES[number], lock)
    store.flush()


class Halting(FileSystem):
    """A file system on which the call `name` of a path that ends with `end` waits until the test says so."""

    def __init__(self, name, end):
        self.has_come, self.may_go = threading.Event(), threading.Event()
        plain = getattr(super(), name)

        def halting(path, *args):
            if str(path).endswith(end):
                self.has_come.set()
                assert self.may_go.wait(LONG)
            return plain(path, *args)

        setattr(self, name, halting)


@pytest.fixture
def filled(tmp_path):
    """A quiet jugdir with results in groups."""
    store = file_store(tmp_path)
    for first in range(0, 300, 100):
        put(store, range(first, first + 100))
    store.close()
    return tmp_path


@pytest.mark.parametrize("call", ["listdir", "open_read"])
def test_who_asks_while_another_thread_looks_waits_for_what_it_reads(filled, call):
    fs = Halting(call, "packs" if call == "listdir" else "")
    store = file_store(filled, fs=fs)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.can_load, NAMES[1])
        assert fs.has_come.wait(LONG)
        second = pool.submit(store.load, NAMES[2])
        with pytest.raises(TimeoutError):
            second.result(0.1)  # it has no answer yet, least of all a wrong one
        fs.may_go.set()
        assert first.result(LONG) and second.result(LONG) == 2


def test_a_look_that_failed_is_not_taken_for_one(filled):
    class Failing(FileSystem):
        fails = True

        def listdir(self, path):
            if self.fails and path.endswith("packs"):
                raise PermissionError(13, "not now")
            return super().listdir(path)

    fs = Failing()
    store = file_store(filled, fs=fs)
    with pytest.raises(jug.errors.StoreError):
        store.can_load(NAMES[1])
    fs.fails = False
    assert store.can_load(NAMES[1]) and store.load(NAMES[299]) == 299


def test_a_pack_is_read_by_one_thread_for_all(tmp_path):
    store = file_store(tmp_path)
    put(store, range(300))
    store.pack()
    store.close()
    fs = Halting("open_read", "jugpack")
    store = file_store(tmp_path, fs=fs)
    with ThreadPoolExecutor(MANY) as pool:
        asked = [pool.submit(store.can_load, name) for name in NAMES[:300]]
        assert fs.has_come.wait(LONG)
        fs.may_go.set()
        assert all(one.result(LONG) for one in asked)


def test_many_threads_see_what_is_stored_packed_and_merged_meanwhile(tmp_path):
    store, others = file_store(tmp_path), file_store(tmp_path)
    stored = []
    done = threading.Event()

    def ask(seed):
        chance, asked = random.Random(seed), 0
        while not done.is_set() or not asked:
            if stored:
                asked += 1
                number = chance.randrange(len(stored))
                assert store.can_load(NAMES[number]), number
                assert store.load(NAMES[number]) == number
                assert {NAMES[number]} <= set(store.list())
        return asked

    with ThreadPoolExecutor(MANY) as pool:
        asking = [pool.submit(ask, seed) for seed in range(MANY)]
        for first in range(0, 2400, 40):
            put(store, range(first, first + 40))
            stored.extend(range(first, first + 40))
            if first % 800 == 400:
                others.pack()
        done.set()
        assert all(one.result(LONG) for one in asking)
    store.close()


def test_what_waits_can_be_loaded_at_each_moment_of_its_way_out(tmp_path):
    store = file_store(tmp_path)
    done = threading.Event()
    shown = [-1]

    def ask():
        while not done.is_set():
            last = shown[0]
            if last >= 0:
                assert store.can_load(NAMES[last]) and store.load(NAMES[last]) == last

    with ThreadPoolExecutor(MANY) as pool:
        asking = [pool.submit(ask) for _ in range(MANY)]
        for number in range(600):
            lock = store.getlock(NAMES[number])
            assert lock.get()
            assert store.dump_soon(number, NAMES[number], lock) is None
            shown[0] = number
            if number % 3 == 2:
                store.flush()
        done.set()
        for one in asking:
            one.result(LONG)
    store.close()


def test_a_process_forked_during_a_look_has_turns_of_its_own(filled):
    fs = Halting("listdir", "packs")
    store = file_store(filled, fs=fs)
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(store.can_load, NAMES[1])
        assert fs.has_come.wait(LONG)
        pid = os.fork()
        if pid == 0:
            fs.may_go = threading.Event()
            fs.may_go.set()
            os._exit(0 if store.can_load(NAMES[1]) and store.load(NAMES[2]) == 2 else 1)
        fs.may_go.set()
        assert looking.result(LONG)
    assert os.waitpid(pid, 0)[1] == 0


JUGFILE = """
import threading
from concurrent.futures import ThreadPoolExecutor
from jug import TaskGenerator, value

@TaskGenerator
def short(number):
    return number * number

@TaskGenerator
def asks(numbers, which):
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(value, squares[:200])) + sum(task.can_load() for task in squares[200:400])

squares = [short(number) for number in range(5000)]
answers = [asks(squares[:400], which) for which in range(20)]
"""


def test_threads_of_tasks_and_of_programs_ask_for_results(tmp_path):
    jugfile = tmp_path / "many.py"
    jugfile.write_text(JUGFILE)
    command = [sys.executable, "-m", "jug", "execute", "--short", jugfile.name]
    workers = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        told = worker.communicate(timeout=200)[1]
        assert worker.returncode == 0, told
    _, names = jug.init(str(jugfile), str(tmp_path / "many.jugdata"))
    tasks = names["squares"]
    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(jug.value, tasks)) == [number * number for number in range(5000)]
        assert all(pool.map(lambda task: task.can_load(), tasks))
