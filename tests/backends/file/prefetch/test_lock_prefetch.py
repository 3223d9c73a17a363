"""Locks that are taken ahead in a jugdir: one look for several tasks, and nobody waits for a mistake."""

import errno
import gc
import hashlib
import os
import signal
import weakref

import pytest
from ahead import FIRST, NAMES, SECOND, THIRD, at_work, gets_in_a_child, have, not_to_be_had
from processes import wait_until

from jug.backends.file.owner.owner_file import OwnerFile
from jug.backends.file.prefetch import lock_prefetch
from jug.backends.file.prefetch.watch_flush import Rescue
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem
from jug.backends.watchdog.shared_memory import AHEAD, USABLE, Mirror, shared_memory
from jug.errors import StoreError


class Recorder(FileSystem):
    """Remembers which calls were made, and may be one of a kind that it is not."""

    def __init__(self, kind=None):
        self.calls = []
        self._kind = kind

    def kind(self, path):
        return self._kind or super().kind(path)


def _recording(call):
    def method(self, *args):
        self.calls.append((call, *args))
        return getattr(FileSystem, call)(self, *args)

    return method


for _call in ("stat", "link", "unlink", "listdir", "inodes", "open_read", "open_dir", "open_excl", "open_change"):
    setattr(Recorder, _call, _recording(_call))


@pytest.fixture
def jugdir(tmp_path):
    return tmp_path / "jugdir"


@pytest.fixture
def open_store(jugdir):
    """Stores each of which is another worker."""
    stores = []

    def opened(fs=None):
        stores.append(file_store(jugdir, fs=fs or FileSystem()))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def calls():
    return []


@pytest.fixture
def store(open_store, calls):
    fs = Recorder()
    fs.calls = calls
    return foreseeing(open_store(fs))


@pytest.fixture
def other(open_store):
    return open_store()


def foreseeing(store, most=3):
    store.foresee(lambda name: NAMES[NAMES.index(name) + 1 :][:most])
    return store


def locked(jugdir):
    return {name.removesuffix(".lock").encode() for name in os.listdir(jugdir / "locks")}


# Together


def test_the_locks_of_what_follows_are_taken_along_and_cost_no_look_of_their_own(store, jugdir, calls):
    assert store.getlock(FIRST).get()
    assert locked(jugdir) == set(NAMES[:4])
    calls.clear()
    for name in NAMES[1:4]:
        assert store.getlock(name).get()
        assert not store.can_load(name)
        assert store.failure(name) is None
    assert calls == []


def test_one_look_is_for_all_however_many_results_there_are(store, other, calls, jugdir):
    for number in range(40):
        other.dump(number, hashlib.sha1(b"result %d" % number).hexdigest().encode())
    other.record_failure(NAMES[5], {"error": "of another task"})
    assert store.getlock(NAMES[5]).get()  # so that there is an owner file
    calls.clear()
    assert store.getlock(FIRST).get() and not store.can_load(FIRST) and store.failure(FIRST) is None
    assert len([call for call in calls if call[0] == "listdir"]) == 1
    prefixes = {name for name in os.listdir(jugdir) if len(name) == 2}
    loose = [name for name in NAMES[:4] if name[:2].decode() in prefixes]
    stats = [call[1] for call in calls if call[0] == "stat" and call[1] != str(jugdir / "packs")]
    assert len(stats) == len(loose) + 4  # of a failure there are records, so each is looked for


def test_a_jugdir_with_many_files_of_others_is_listed_once(store, calls, jugdir, monkeypatch):
    monkeypatch.setattr(lock_prefetch, "_CROWD", 100)
    store.create()
    for number in range(100):
        (jugdir / f"data {number}").touch()
    store.dump("there", SECOND)
    store.record_failure(THIRD, {"error": "before"})
    assert store.getlock(FIRST).get() and not store.can_load(FIRST)
    assert ("listdir", str(jugdir)) in calls
    calls.clear()
    store.foresee(lambda name: [SECOND, THIRD])
    assert store.getlock(NAMES[4]).get() and not store.can_load(NAMES[4])
    assert store.getlock(SECOND).get() and store.can_load(SECOND)
    assert store.getlock(THIRD).get() and not store.can_load(THIRD) and store.failure(THIRD) == {"error": "before"}
    assert ("listdir", str(jugdir)) not in calls


def test_what_is_known_of_a_lock_is_told_once(store):
    assert store.getlock(FIRST).get()
    lock = store.getlock(SECOND)
    assert lock.get() and not store.can_load(SECOND)
    store.dump("second", SECOND)
    store.record_failure(SECOND, {"error": "after that"})
    assert store.can_load(SECOND)
    assert store.failure(SECOND) is None  # what was true when the lock was taken, told for the first time
    assert store.failure(SECOND) == {"error": "after that"}


def test_a_question_about_another_task_is_answered_by_a_look(store):
    store.dump("third", THIRD)
    assert store.getlock(FIRST).get()
    assert store.getlock(SECOND).get()
    assert store.can_load(THIRD)
    assert not store.can_load(SECOND)


@pytest.mark.parametrize("where", ["file", "group", "pack"])
def test_what_others_have_or_have_done_is_told_when_its_turn_comes(store, other, where):
    have(other)
    lock = other.getlock(NAMES[3])
    assert lock.get()
    assert other.dump_soon("done", NAMES[3], lock) is None if where == "group" else other.dump("done", NAMES[3]) is None
    other.flush()
    lock.release()
    if where == "pack":
        assert other.pack().packed == 1
    other.record_failure(FIRST, {"error": "before"})
    assert store.getlock(FIRST).get() and store.failure(FIRST) == {"error": "before"}
    assert not_to_be_had(store)
    assert store.getlock(NAMES[3]).get() and store.can_load(NAMES[3])


def test_a_failure_of_one_that_is_ahead_is_told_when_its_turn_comes(store, other):
    other.record_failure(SECOND, {"error": "before"})
    assert store.getlock(FIRST).get() and store.failure(FIRST) is None
    assert store.getlock(SECOND).get() and store.failure(SECOND) == {"error": "before"}
    assert store.getlock(THIRD).get() and store.failure(THIRD) is None


def test_a_result_that_moves_during_the_look_is_found(store, other, monkeypatch):
    lock = other.getlock(SECOND)
    assert lock.get() and other.dump_soon("second", SECOND, lock) is None
    other.flush()
    looked = []
    loose = store._presence.is_loose

    def is_loose(name):
        found = loose(name)
        if name == SECOND and not looked:
            looked.append(name)
            other.pack()
        return found

    store._dir.fs.mkdir(store._dir.path(SECOND[:2].decode()))  # else no file would be looked for
    monkeypatch.setattr(store._presence, "is_loose", is_loose)
    assert store.getlock(FIRST).get()
    assert store.getlock(SECOND).get() and store.can_load(SECOND)
    assert looked == [SECOND]


def test_results_that_are_stored_under_locks_that_were_ahead(store, other, jugdir):
    for name in NAMES[:4]:
        lock = store.getlock(name)
        assert lock.get()
        assert store.dump_soon("result of " + name.decode(), name, lock) is None
        assert store.can_load(name) and not other.can_load(name)
    assert set(store.flush()) == set()
    assert {name: other.load(name) for name in NAMES[:4]} == {n: "result of " + n.decode() for n in NAMES[:4]}
    assert locked(jugdir) == set()


def test_what_is_not_used_is_given_back_before_another_lock_is_taken(store, jugdir):
    assert store.getlock(FIRST).get()
    assert store.getlock(SECOND).get()
    assert store.getlock(NAMES[5]).get()
    assert locked(jugdir) == {FIRST, SECOND, NAMES[5]}
    assert set(store._dir.ownership.held) == {name.decode() for name in (FIRST, SECOND, NAMES[5])}


def test_what_is_not_used_is_given_back_at_the_end(store, jugdir):
    lock = store.getlock(FIRST)
    assert lock.get()
    lock.release()
    store.close()
    assert os.listdir(jugdir / "locks") == os.listdir(jugdir / "tempfiles") == []


def test_a_store_that_is_not_closed_goes_as_soon_as_nobody_refers_to_it(jugdir):
    store = foreseeing(file_store(jugdir))
    lock = store.getlock(FIRST)
    assert lock.get()
    lock.release()
    store.foresee(None)
    watchdog, own = store._dir.ownership._watchdog, weakref.ref(store._dir.ownership)
    gc.disable()
    try:
        del store, lock
        assert own() is None and not watchdog.is_alive()
    finally:
        gc.enable()


def test_nothing_is_taken_along_once_that_is_over(store, jugdir):
    assert store.getlock(FIRST).get()
    store.foresee(None)
    assert locked(jugdir) == {FIRST}
    assert store.getlock(SECOND).get()
    assert locked(jugdir) == {FIRST, SECOND}


def test_nothing_is_taken_along_where_no_memory_can_be_shared(store, jugdir, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    assert store.getlock(FIRST).get()
    assert locked(jugdir) == {FIRST}


@pytest.mark.parametrize("kind", ["nfs4", "cifs"])
def test_nothing_is_taken_along_where_machines_do_not_see_all_changes_at_once(open_store, jugdir, kind):
    store = foreseeing(open_store(Recorder(kind)))
    assert store.getlock(FIRST).get()
    assert locked(jugdir) == {FIRST}


def test_another_store_of_this_process_gives_back_what_the_first_one_has_ahead(jugdir):
    first, second = foreseeing(file_store(jugdir), 2), foreseeing(file_store(jugdir), 1)
    assert first.getlock(FIRST).get()
    assert locked(jugdir) == set(NAMES[:3])
    assert second.getlock(NAMES[4]).get()
    assert locked(jugdir) == {FIRST, *NAMES[4:]}
    assert first.getlock(SECOND).get()
    assert locked(jugdir) == {FIRST, SECOND, THIRD, NAMES[3], NAMES[4]}
    for store in (first, second):
        store.close()
        for name in NAMES:
            store._dir.ownership.give_up(name.decode())
    assert locked(jugdir) == set()


def test_a_forked_process_uses_nothing_that_is_ahead_of_its_parent(store, jugdir):
    assert store.getlock(FIRST).get()
    assert not gets_in_a_child(store, SECOND)
    assert locked(jugdir) == set(NAMES[:4])
    assert store.getlock(SECOND).get() and not store.can_load(SECOND)


def test_a_lock_that_somebody_removed_and_another_took_stays_his(store, other, jugdir):
    assert store.getlock(FIRST).get()
    assert other.remove_lock(SECOND)
    lock = other.getlock(SECOND)
    assert lock.get()
    store.foresee(None)
    assert locked(jugdir) == {FIRST, SECOND} and lock.is_ours()


def test_one_that_cannot_be_taken_is_left_for_its_turn(store, jugdir, monkeypatch):
    link = FileSystem.link

    def fails_afterwards(fs, source, target):
        link(fs, source, target)
        if SECOND.decode() in target:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FileSystem, "link", fails_afterwards)
    assert store.getlock(FIRST).get()
    assert locked(jugdir) == {FIRST, THIRD, NAMES[3]}
    monkeypatch.setattr(FileSystem, "link", link)
    assert store.getlock(SECOND).get()


def test_no_lock_is_left_if_the_look_fails(store, jugdir, monkeypatch):
    assert store.getlock(NAMES[5]).get()

    def fails(fs, path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(Recorder, "listdir", fails)
    with pytest.raises(StoreError, match="Permission denied"):
        store.getlock(FIRST).get()
    store.foresee(None)
    assert locked(jugdir) == {NAMES[5]}


def test_without_its_watchdog_nothing_ahead_is_used(store, jugdir):
    assert store.getlock(FIRST).get()
    watchdog = store._dir.ownership._watchdog
    os.kill(watchdog.pid, signal.SIGKILL)
    wait_until(lambda: not watchdog.is_alive())
    assert store._dir.owner_file()  # which starts another one
    assert store.getlock(SECOND).get() and not store.can_load(SECOND)
    assert locked(jugdir) == {FIRST, SECOND, *NAMES[2:5]}


# When it was a mistake


def test_a_long_task_keeps_nothing_that_is_ahead(tmp_path, jugdir, other):
    worker = at_work(tmp_path, str(jugdir), "C")
    wait_until(lambda: other.can_load(FIRST) and locked(jugdir) == {FIRST, SECOND})
    assert worker.process.poll() is None and other.load(FIRST) == "first"
    assert other.getlock(THIRD).get()
    done = worker.wait()
    assert (done.code, done.out) == (0, "[False, True]\n"), done
    assert other.load(SECOND) == "second"
    wait_until(lambda: locked(jugdir) == {THIRD})


def test_a_stopped_worker_keeps_nothing_that_is_ahead(tmp_path, jugdir, other):
    worker = at_work(tmp_path, str(jugdir), "stop")
    wait_until(lambda: other.can_load(FIRST) and locked(jugdir) == {FIRST, SECOND})
    assert other.getlock(THIRD).get()
    os.kill(worker.process.pid, signal.SIGCONT)
    assert worker.wait().out == "[False, True]\n"


def test_what_a_worker_had_ahead_is_free_when_it_is_killed(tmp_path, jugdir, other):
    worker = at_work(tmp_path, str(jugdir), "sleep")
    worker.process.kill()
    worker.wait()
    wait_until(lambda: other.can_load(FIRST))
    assert all(other.getlock(name).get() for name in NAMES[1:4])


def test_who_is_sooner_than_the_watchdog_of_the_dead_may_run_all(tmp_path, jugdir, other):
    """What waited was told to nobody. It is stored, or it is free, whoever comes first."""
    worker = at_work(tmp_path, str(jugdir), "sleep")
    worker.process.kill()
    worker.wait()
    assert all(other.getlock(name).get() for name in NAMES[1:4])
    wait_until(lambda: other.can_load(FIRST) or other.getlock(FIRST).get())


class Owner(OwnerFile):
    """Stands for the watchdog's view of the worker's locks."""

    def __init__(self):
        self.root, self.given_back = "nowhere", []

    def remove_lock(self, name):
        self.given_back.append(name.encode())


class Clock(FileSystem):
    seconds, asleep = 100.0, 0.0

    def monotonic(self):
        return self.seconds

    def elapsed(self):
        return self.seconds + self.asleep


@pytest.fixture
def pair(open_store):
    """A worker, its watchdog's look at what it has ahead, and the time of both."""
    clock, owner = Clock(), Owner()
    store = foreseeing(open_store(clock), 2)
    assert store.getlock(NAMES[5]).get()
    worker = store._dir.ownership
    rescue = Rescue(clock, owner, Mirror(os.dup(worker.mirror()._fd), writes=False))
    return store, rescue, owner, clock


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.49, 0.51, 0.7, 0.99, 1.01, 1.5, 2.0, 60.0])
def test_a_lock_that_is_ahead_is_used_or_given_back_and_never_both(pair, jugdir, seconds):
    store, rescue, owner, clock = pair
    assert store.getlock(FIRST).get()
    end = clock.seconds + seconds
    while clock.seconds < end:  # the watchdog looks as often as it can
        rescue.look()
        clock.seconds += 0.01
    is_used = store._ahead.use(store.getlock(SECOND))
    for _ in range(500):
        rescue.look()
        clock.seconds += 0.01
    assert is_used == (seconds < USABLE)
    if is_used:
        assert owner.given_back == [THIRD]
    else:  # by the worker, or by its watchdog before
        assert owner.given_back == ([SECOND, THIRD] if seconds > 2 * USABLE + 0.005 else [])
        assert locked(jugdir) == {FIRST, NAMES[5]}


def test_a_lock_that_is_ahead_is_not_used_after_the_machine_slept(pair):
    store, _, _, clock = pair
    assert store.getlock(FIRST).get()
    assert store._ahead.use(store.getlock(SECOND))
    clock.asleep = 3600.0
    assert not store._ahead.use(store.getlock(THIRD))


def test_the_watchdog_gives_nothing_back_while_others_are_taken_ahead(pair):
    store, rescue, owner, clock = pair
    for number in range(50):
        store.getlock(NAMES[number % 2 * 3]).get()
        rescue.look()
        clock.seconds += 0.4
    assert owner.given_back == []


def test_the_watchdog_waits_for_nobody_who_gives_back_himself(pair):
    store, rescue, owner, clock = pair
    assert store.getlock(FIRST).get()
    rescue.look()
    clock.seconds += 2.0
    rescue._mirror.alone = lambda waits: _not_alone()
    rescue.look()
    assert owner.given_back == []
    del rescue._mirror.alone
    rescue.look()
    assert owner.given_back == [SECOND, THIRD]


class _not_alone:
    def __enter__(self):
        return False

    def __exit__(self, *error):
        pass


def test_the_notes_have_room_for_as_many_locks_as_are_taken():
    fd = shared_memory()
    notes = Mirror(fd, writes=True)
    names = [hashlib.sha1(b"many %d" % number).hexdigest().encode() for number in range(AHEAD)]
    notes.show(b"a result", 0)
    notes.foresees(names)
    assert notes.unused() == names and notes.data() == b"a result"
    notes.begins(0)
    notes.begins(len(names) - 1)
    assert notes.unused() == names[1:-1]
    before = notes.ahead()
    notes.foresees(names[:1])
    assert notes.unused() == names[:1] and notes.ahead() != before
    notes.foresees([])
    assert notes.unused() == [] and notes.ahead()[1] == 0
    notes.close()


def test_no_more_are_taken_than_there_is_room_for(open_store, jugdir):
    store = open_store()
    many = [hashlib.sha1(b"many %d" % number).hexdigest().encode() for number in range(200)]
    store.foresee(lambda name: many)
    assert store.getlock(FIRST).get()
    assert locked(jugdir) == {FIRST, *many[: lock_prefetch.AHEAD]}
