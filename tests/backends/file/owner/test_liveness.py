"""Who is gone, told without comparing any two clocks; and what becomes of the locks of those who are."""

import errno
import json
import os

import pytest
from memory_fs import MemoryFS, on

from jug.backends.base import LEASE
from jug.backends.file.locks.workers import sweep
from jug.backends.file.owner.holder import parse_holder, place_of, this_process
from jug.backends.file.owner.session import Session
from jug.backends.file_store import file_keepalive_store, file_store

MINUTE = 60
OLD = "PID 7 on HOSTNAME {host}\nLock created on 2026-01-01 (10h00.00)\n"


class Shared(MemoryFS):
    """A file server, and the clock by which a test lets time pass."""

    def __init__(self):
        super().__init__()
        self.own = 0.0
        self.processes = {}  # (boot, namespace, pid): start

    def passes(self, seconds):
        self.clock_ns += int(seconds * 1e9)
        self.own += seconds


class Seat:
    """The files as one process sees them, somewhere."""

    def __init__(self, shared, pid=42, machine="here", boot=1, namespace="pid:[4026531836]"):
        self._shared = shared
        self._pid, self._machine, self._boot, self._namespace = pid, machine, f"{machine} {boot}", namespace
        self.begin()
        self.stopped = set()

    def begin(self, start=1000):
        self._shared.processes[self._boot, self._namespace, self._pid] = str(start)

    def end(self):
        del self._shared.processes[self._boot, self._namespace, self._pid]

    def __getattr__(self, name):
        return getattr(self._shared, name)

    def monotonic(self):
        return self._shared.own

    def pid(self):
        return self._pid

    def host(self):
        return self._machine

    def machine(self):
        return f"id of {self._machine}"

    def boot(self):
        return self._boot

    def namespace(self):
        return self._namespace

    def process(self, pid):
        start = self._shared.processes.get((self._boot, self._namespace, pid))
        return None if start is None else (start, pid in self.stopped)


@pytest.fixture
def shared():
    return Shared()


@pytest.fixture
def seat(shared):
    return lambda **where: Seat(shared, **where)


def store_at(seat, kind=file_store):
    return kind("/jugdir", **on(seat))


def lock_of(seat, name):
    """The lock of somebody there, who has it."""
    store = store_at(seat)
    lock = store.getlock(name)
    assert lock.get()
    return lock


def minutes_until_free(shared, store, name, minutes=100):
    """After how many minutes somebody gets the lock who tries every minute; None if he does not."""
    for minute in range(minutes):
        lock = store.getlock(name)
        if lock.get():
            shared.lock = lock
            return minute
        shared.passes(MINUTE)
    return None


# On the same machine


def test_a_process_that_has_ended_is_gone_at_once(seat, name):
    holder, other = seat(pid=1), seat(pid=2)
    lock_of(holder, name)
    assert not store_at(other).getlock(name).get()
    holder.end()
    assert store_at(other).lock_details()[name].abandoned
    assert store_at(other).getlock(name).get()


def test_another_process_with_its_number_is_another_one(seat, name):
    holder, other = seat(pid=1), seat(pid=2)
    lock_of(holder, name)
    holder.begin(start=2000)
    assert store_at(other).getlock(name).get()


def test_a_process_that_is_there_keeps_its_locks_however_silent_it_is(shared, seat, name):
    lock_of(seat(pid=1), name)
    assert minutes_until_free(shared, store_at(seat(pid=2)), name) is None


def test_a_process_that_is_stopped_loses_them_after_its_lease(shared, seat, name):
    lock_of(seat(pid=1), name)
    other = seat(pid=2)
    other.stopped.add(1)
    assert minutes_until_free(shared, store_at(other), name) == LEASE / MINUTE


def test_a_machine_that_was_started_again_has_none_of_its_old_processes(seat, name):
    lock_of(seat(pid=1, boot=1), name)
    assert store_at(seat(pid=1, boot=2)).getlock(name).get()


def test_a_machine_that_only_has_the_same_name_is_another_one(shared, seat, name, monkeypatch):
    lock_of(seat(pid=1, boot=1), name)
    other = seat(pid=1, boot=2)
    monkeypatch.setattr(other, "machine", lambda: "another id")
    assert minutes_until_free(shared, store_at(other), name) == LEASE / MINUTE


def test_a_process_in_a_container_is_not_looked_for_outside(shared, seat, name):
    lock_of(seat(pid=1, namespace="pid:[7]"), name)
    assert minutes_until_free(shared, store_at(seat(pid=2)), name) == LEASE / MINUTE


# On another machine


def test_silence_for_a_lease_frees_a_lock_of_another_machine(shared, seat, name):
    lock_of(seat(machine="there"), name)
    shared.passes(10 * LEASE)  # nobody was watching
    assert minutes_until_free(shared, store_at(seat()), name) == LEASE / MINUTE


def test_the_lease_is_that_of_the_holder(shared, seat, name):
    store = store_at(seat(machine="there"))
    store.lease = 20 * MINUTE
    assert store.lease == 20 * MINUTE
    assert store.getlock(name).get()
    assert minutes_until_free(shared, store_at(seat()), name) == 20


def test_signs_of_life_keep_it(shared, seat, name):
    lock = lock_of(seat(machine="there"), name)
    observer = store_at(seat())
    for _ in range(100):
        assert not observer.getlock(name).get()
        shared.passes(LEASE / 10)
        lock._mine.touch()


@pytest.mark.parametrize("jump", [10**6, -(10**6)])
def test_a_clock_of_the_file_server_that_jumps_robs_nobody(shared, seat, name, jump):
    lock = lock_of(seat(machine="there"), name)
    observer = store_at(seat())
    for minute in range(60):
        if minute == 30:
            shared.clock_ns += jump * 10**9
        assert not observer.getlock(name).get()
        shared.passes(MINUTE)
        lock._mine.touch()


def test_a_clock_of_the_file_server_that_stands_still_does_not_keep_the_dead(shared, seat, name):
    lock_of(seat(machine="there"), name)
    observer = store_at(seat())
    assert not observer.getlock(name).get()
    shared.own += LEASE
    assert observer.getlock(name).get()


def test_all_locks_of_one_holder_are_judged_together(shared, seat, names):
    holder = store_at(seat(machine="there"))
    for each in names:
        assert holder.getlock(each).get()
    observer = store_at(seat())
    assert not any(lock.abandoned for lock in observer.lock_details().values())
    shared.passes(LEASE)
    assert all(lock.abandoned for lock in observer.lock_details().values())
    assert observer.lock_states() == {}
    assert sorted(observer.listlocks()) == sorted(names)
    assert not observer.getlock(names[0]).is_locked()


def test_what_is_told_of_a_lock(shared, seat, name):
    lock_of(seat(machine="there", pid=9), name)
    observer = store_at(seat())
    observer.lock_details()
    shared.passes(100)
    told = observer.lock_details()[name]
    assert (told.host, told.pid, told.failed, told.abandoned, told.silent) == ("there", 9, False, False, 100)
    (worker,) = [worker for worker in observer.workers() if worker.worker == told.worker]
    assert (worker.host, worker.pid, worker.user, worker.gone) == ("there", 9, "me", False)


def test_a_failed_lock_is_never_free(shared, seat, name):
    holder = seat(pid=1)
    assert lock_of(holder, name).fail()
    holder.end()
    observer = store_at(seat(pid=2))
    assert minutes_until_free(shared, observer, name) is None
    assert observer.lock_states() == {name: True}
    assert observer.remove_abandoned(failed=False) == 0
    assert observer.remove_abandoned() == 1


# Old locks


def old_lock(shared, name, host, text=OLD):
    shared.mkdir("/jugdir")
    shared.mkdir("/jugdir/locks")
    fd = shared.open_excl(f"/jugdir/locks/{name.decode()}.lock")
    shared.write(fd, text.format(host=host).encode())
    shared.close(fd)


def test_an_old_lock_of_this_machine_is_free_if_its_process_is_not_there(shared, seat, name):
    old_lock(shared, name, "here")
    assert store_at(seat(pid=2)).getlock(name).get()


def test_an_old_lock_of_this_machine_stays_as_long_as_its_process(shared, seat, name):
    old_lock(shared, name, "here")
    seat(pid=7)
    assert minutes_until_free(shared, store_at(seat(pid=2)), name) is None


def test_an_old_lock_of_another_machine_stays(shared, seat, name):
    """Nobody gives it signs of life."""
    old_lock(shared, name, "there")
    assert minutes_until_free(shared, store_at(seat()), name) is None


def test_an_old_lock_with_liveness_is_free_after_half_an_hour(shared, seat, name):
    old_lock(shared, name, "there")
    assert minutes_until_free(shared, store_at(seat(), file_keepalive_store), name) == 30


def test_a_lock_without_a_word_is_free_after_a_lease(shared, seat, name):
    old_lock(shared, name, "there", text="")
    assert minutes_until_free(shared, store_at(seat()), name) == LEASE / MINUTE


# Taking over


def test_who_was_robbed_leaves_the_lock_of_the_other_alone(shared, seat, name):
    frozen = lock_of(seat(machine="there"), name)
    other = store_at(seat())
    assert minutes_until_free(shared, other, name)
    assert not frozen.is_ours()
    assert not frozen.fail()
    frozen.release()
    assert other.getlock(name).is_locked()
    assert not other.getlock(name).is_failed()


def test_who_was_robbed_writes_over_nobodys_result(shared, seat, name):
    frozen = lock_of(seat(machine="there"), name)
    slow, other = store_at(seat(machine="there")), store_at(seat())
    assert minutes_until_free(shared, other, name)
    assert other.dump_locked("the other's", name, shared.lock)
    assert not slow.dump_locked("too late", name, frozen)
    assert other.load(name) == "the other's"


def test_who_was_robbed_stores_nothing_although_nobody_has_yet(shared, seat, name):
    """It may be the result of old code, which was removed from elsewhere."""
    slow, other = store_at(seat(machine="there")), store_at(seat())
    frozen = slow.getlock(name)
    assert frozen.get()
    assert minutes_until_free(shared, other, name)
    assert not slow.dump_locked("too late", name, frozen)
    assert not other.can_load(name)
    shared.lock.release()
    assert not slow.dump_locked("too late", name, frozen)
    assert not other.can_load(name)


def test_a_result_is_stored_although_its_lock_was_removed_by_hand(seat, name):
    slow, other = store_at(seat(machine="there")), store_at(seat())
    lock = slow.getlock(name)
    assert lock.get() and other.remove_lock(name)
    assert slow.dump_locked("mine", name, lock)
    assert other.load(name) == "mine"
    lock.release()
    assert list(other.listlocks()) == []


def test_whoever_has_a_lock_that_was_removed_by_hand_keeps_it(seat, name):
    slow, other = store_at(seat(machine="there")), store_at(seat())
    lock = slow.getlock(name)
    assert lock.get() and other.remove_lock(name)
    theirs = other.getlock(name)
    assert theirs.get()
    assert not slow.dump_locked("late", name, lock)
    assert other.dump_locked("theirs", name, theirs)
    theirs.release()
    assert not slow.dump_locked("late", name, lock)
    assert other.load(name) == "theirs"


def test_the_locks_of_who_was_robbed_of_one_are_free_when_it_goes_on(shared, seat, names):
    """To its neighbours it is alive: they would wait for a task that it does not run."""
    slow, other, neighbour = store_at(seat(machine="there")), store_at(seat()), store_at(seat(pid=2, machine="there"))
    locks = [slow.getlock(name) for name in names[:3]]
    assert all(lock.get() for lock in locks)
    assert minutes_until_free(shared, other, names[0])
    for lock, name in zip(locks, names, strict=False):
        assert not slow.dump_locked("too late", name, lock)
        lock.release()
    assert not neighbour.getlock(names[0]).get()
    assert neighbour.getlock(names[1]).get() and slow.getlock(names[2]).get()


def test_of_many_who_see_a_dead_lock_one_gets_it(shared, seat, name):
    lock_of(seat(machine="there"), name)
    others = [store_at(seat(pid=pid)) for pid in range(100, 110)]
    for store in others:
        store.lock_details()
    shared.passes(LEASE)
    assert sum(store.getlock(name).get() for store in others) == 1


def test_one_who_looked_before_another_took_over_does_not_take_it_from_him(shared, seat, name, monkeypatch):
    """Between looking and acting, somebody else is faster: only the lock that was judged is taken over."""
    lock_of(seat(machine="there"), name)
    slow, quick = store_at(seat(pid=1)), store_at(seat(pid=2))
    for store in (slow, quick):
        store.lock_details()
    shared.passes(LEASE)
    original, done = shared.link, []

    def link(source, target):
        if "steal-" in target and not done:
            done.append(None)
            done[0] = quick.getlock(name).get()
        return original(source, target)

    monkeypatch.setattr(shared, "link", link)
    assert not slow.getlock(name).get()
    assert done == [True]


def test_a_sign_of_life_at_the_last_moment_keeps_the_lock(shared, seat, name, monkeypatch):
    lock = lock_of(seat(machine="there"), name)
    observer = store_at(seat())
    observer.lock_details()
    shared.passes(LEASE)
    original = shared.link

    def link(source, target):
        if "steal-" in target:
            lock._mine.touch()
        return original(source, target)

    monkeypatch.setattr(shared, "link", link)
    assert not observer.getlock(name).get()
    assert lock.is_ours()


@pytest.mark.parametrize("moment", ["/steal-", "/s-"])
def test_who_is_taken_for_gone_while_he_takes_over_tries_again_later(shared, seat, name, monkeypatch, moment):
    """He slept at that moment, for longer than his lease: what he had in the directory is no more."""
    lock_of(seat(machine="there"), name)
    slow = store_at(seat())
    slow.lock_details()
    shared.passes(LEASE)
    original = shared.link

    def link(source, target):
        if moment in target and source in asleep:
            shared.unlink(source)
        return original(source, target)

    asleep = {slow._dir.owner_file().path}
    monkeypatch.setattr(shared, "link", link)
    assert not slow.getlock(name).get()
    assert slow.getlock(name).get()
    assert slow.getlock(name).remove()
    slow.close()
    assert all("w-" in left for left in shared.listdir("/jugdir/tempfiles"))  # that of the other machine


def test_who_is_killed_while_he_takes_over_does_not_stand_in_the_way(shared, seat, name, monkeypatch):
    dead, killed = seat(pid=1), seat(pid=2)
    lock_of(dead, name)
    dead.end()

    def kill(*args):
        raise MemoryError  # in place of a signal that kills

    with monkeypatch.context() as patch:
        patch.setattr(shared, "rename", kill)
        patch.setattr(shared, "unlink", kill)
        with pytest.raises(MemoryError):
            store_at(killed).getlock(name).get()
    killed.end()
    other = store_at(seat(pid=3))
    assert not other.getlock(name).get()  # this time it removes what is in the way
    assert other.getlock(name).get()
    assert other.remove_abandoned() == 0
    other.getlock(name).remove()
    other.close()


def test_what_the_dead_have_left_is_swept_away(shared, seat, names):
    dead, other = seat(pid=1), store_at(seat(pid=2))
    store = store_at(dead)
    for each in names:
        assert store.getlock(each).get()
    writing = store._dir.temporary()
    shared.close(shared.open_excl(writing))
    dead.end()
    assert sweep(other._dir) == len(names)
    assert shared.listdir("/jugdir/locks") == []
    other.close()
    assert shared.listdir("/jugdir/tempfiles") == []


def test_a_turn_of_the_dead_which_a_power_cut_has_brought_back_does_not_keep_the_lock(shared, seat, name):
    """The owner file is gone for good, but of the lock and the turn the removal was lost."""
    dead = seat(pid=1)
    lock = lock_of(dead, name)
    owner = lock._mine.path
    shared.link(owner, lock.fullname.replace("/locks/", "/tempfiles/steal-"))
    dead.end()
    shared.unlink(owner)
    other = store_at(seat(pid=2))
    assert other.remove_abandoned() == 1
    other.close()
    assert (shared.listdir("/jugdir/locks"), shared.listdir("/jugdir/tempfiles")) == ([], [])


def test_what_the_living_hold_is_not_swept_away(shared, seat, names):
    store = store_at(seat(pid=1))
    for each in names:
        assert store.getlock(each).get()
    writing = store._dir.temporary()
    shared.close(shared.open_excl(writing))
    other = store_at(seat(pid=2))
    for _ in range(3):
        assert other.remove_abandoned() == 0
        shared.passes(LEASE)
    assert len(shared.listdir("/jugdir/locks")) == len(names)
    assert shared.stat(writing)


def test_one_who_was_killed_before_he_wrote_who_he_is_leaves_nothing_either(shared, seat, monkeypatch):
    dead = seat(pid=1)
    with monkeypatch.context() as patch:
        patch.setattr(shared, "write", lambda fd, data: (_ for _ in ()).throw(MemoryError))
        patch.setattr(shared, "unlink", lambda path: (_ for _ in ()).throw(FileNotFoundError(errno.ENOENT, "")))
        with pytest.raises(MemoryError):
            store_at(dead)._dir.owner_file()
    (left,) = shared.listdir("/jugdir/tempfiles")
    assert shared.stat(f"/jugdir/tempfiles/{left}").st_size == 0
    other = store_at(seat(pid=2))
    other.remove_abandoned()
    assert shared.listdir("/jugdir/tempfiles") == [left]  # he may be about to
    dead.end()
    other.remove_abandoned()
    other.close()
    assert shared.listdir("/jugdir/tempfiles") == []


# Runs


def test_workers_who_are_at_work_together_are_of_one_run(shared, seat):
    first, second = store_at(seat(pid=1)), store_at(seat(machine="there"))
    assert first.run_id() == second.run_id() == first.run_id()


def test_who_comes_when_nobody_is_at_work_begins_a_new_run(shared, seat):
    gone = seat(pid=1)
    before = store_at(gone).run_id()
    gone.end()
    store = store_at(seat(pid=2))
    assert store.run_id() != before
    assert [worker.gone for worker in store.workers()] == [False]  # what was left was swept away


def test_who_has_left_well_is_no_worker_any_more(shared, seat, name):
    store = store_at(seat(pid=1))
    lock = store.getlock(name)
    assert lock.get()
    store.close()
    assert len(store_at(seat(pid=2)).workers()) == 1  # a lock that has not been released
    lock.release()
    store.close()
    assert store_at(seat(pid=2)).workers() == []


# Without hard links


@pytest.fixture
def without_links(shared, monkeypatch):
    def link(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(shared, "link", link)


@pytest.mark.usefixtures("without_links")
def test_without_links_a_lock_is_a_file_of_its_own(shared, seat, names):
    store, other = store_at(seat(pid=1)), store_at(seat(pid=2))
    lock = store.getlock(names[0])
    assert lock.get()
    assert lock.is_ours()
    assert not other.getlock(names[0]).get()
    assert other.lock_details()[names[0]].pid == 1
    assert store.dump_locked("value", names[0], lock)
    lock.release()
    assert other.getlock(names[0]).get()
    assert store.load(names[0]) == "value"


@pytest.mark.usefixtures("without_links")
def test_without_links_the_dead_are_gone_too(shared, seat, name):
    holder = seat(pid=1)
    lock_of(holder, name)
    holder.end()
    other = store_at(seat(pid=2))
    assert other.getlock(name).get()
    assert other.lock_details()[name].pid == 2


@pytest.mark.usefixtures("without_links")
def test_without_links_who_was_robbed_writes_over_nobodys_result(shared, seat, name):
    frozen = lock_of(seat(machine="there"), name)
    slow, other = store_at(seat(machine="there")), store_at(seat())
    assert minutes_until_free(shared, other, name)
    assert other.dump_locked("the other's", name, shared.lock)
    assert not slow.dump_locked("too late", name, frozen)
    assert other.load(name) == "the other's"


# What a file says


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe", b"{", b"[]", b'{"pid": "x", "id": 3}', b"null\nPID x on HOSTNAME y"]
)
def test_what_says_nothing_is_nobody(text):
    holder = parse_holder(text)
    assert (holder.worker, holder.pid, holder.host, holder.lease) == ("", 0, "", None)


def test_what_a_holder_writes_is_read(seat):
    holder = this_process(seat(pid=1234, machine="höst"), 77.0)
    holder.run = "a run"
    read = parse_holder(holder.text())
    assert {name: getattr(read, name) for name in holder.__slots__} == {
        name: getattr(holder, name) for name in holder.__slots__
    }
    assert json.loads(holder.text().split(b"\n")[0])["pid"] == 1234
    assert read.place == "höst:1234"


def test_a_place_is_a_word_of_sixteen_digits():
    assert len(place_of("a", "b")) == 16
    assert place_of("a", "b") != place_of("a", "c")


def test_what_this_process_holds_is_forgotten_after_a_fork(tmp_path, names):
    store = file_store(tmp_path)
    assert store.getlock(names[0]).get()
    mine = store._dir.ownership.name
    pid = os.fork()
    if pid == 0:
        ok = store.getlock(names[1]).get() and store._dir.ownership.name != mine
        ok = ok and not store.getlock(names[0]).get()
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert store._dir.ownership.name == mine
    assert isinstance(store._dir.ownership, Session)
    store.close()


@pytest.mark.usefixtures("without_links")
def test_without_links_a_machine_that_was_lost_with_many_locks_is_known_to_be_gone(shared, seat, names):
    store = store_at(seat(machine="there"))
    for name in names:
        assert store.getlock(name).get()
    observer = store_at(seat())
    for _ in range(7):
        observer.lock_details()
        observer.workers()
        shared.passes(MINUTE)
    assert all(lock.abandoned for lock in observer.lock_details().values())


def test_a_process_of_which_nothing_but_the_number_is_known_is_not_believed_for_ever(shared, seat, name, monkeypatch):
    """Where /proc hides the processes of others, its number may be another one's by now."""
    lock_of(seat(pid=1), name)
    other = seat(pid=2)
    monkeypatch.setattr(other, "process", lambda pid: ("", False), raising=False)
    assert minutes_until_free(shared, store_at(other), name) == LEASE / MINUTE


def test_removing_a_failed_lock_does_not_hit_one_who_has_just_taken_the_task(shared, seat, name, monkeypatch):
    first, second, worker = (store_at(seat(pid=pid)) for pid in (1, 2, 3))
    failed = first.getlock(name)
    assert failed.get()
    assert failed.fail()
    original, taken = shared.link, []

    def link(source, target):
        if "steal-" in target and not taken:  # another one is quicker, and the task has been begun by then
            taken.append(None)
            assert second.remove_lock(name, failed_only=True)
            assert worker.getlock(name).get()
        return original(source, target)

    monkeypatch.setattr(shared, "link", link)
    assert not first.remove_lock(name, failed_only=True)
    assert worker.lock_details()[name].pid == 3


def test_what_another_user_has_left_and_we_may_not_remove_stops_nobody(shared, seat, names, monkeypatch):
    """In a directory in which each removes his own files only, such as /tmp."""
    dead = seat(pid=1)
    assert store_at(dead).getlock(names[0]).get()
    dead.end()
    theirs = set(shared.listdir("/jugdir/tempfiles")) | set(shared.listdir("/jugdir/locks"))

    def refusing(call):
        plain = getattr(shared, call)

        def refuse(*paths):
            if paths[-1].rpartition("/")[2] in theirs:
                raise PermissionError(errno.EPERM, "Operation not permitted")
            return plain(*paths)

        return refuse

    for call in ("unlink", "rename"):
        monkeypatch.setattr(shared, call, refusing(call))
    store = store_at(seat(pid=2))
    assert store.run_id()
    assert not store.getlock(names[0]).get()
    assert store.getlock(names[1]).get()
    assert store.remove_abandoned() == 0


def test_who_has_left_and_comes_back_begins_a_new_run(seat):
    store = store_at(seat(pid=1))
    before = store.run_id()
    store.close()
    assert store.run_id() != before


def test_over_a_network_who_takes_over_believes_nothing_that_he_remembers_of_the_result(
    seat, name, monkeypatch, shared
):
    """Its holder may have stored it in the very moment in which we looked, and then died."""
    dead, other = seat(pid=1), seat(pid=2)
    monkeypatch.setattr(other, "kind", lambda path: "nfs", raising=False)
    lock_of(dead, name)
    store_at(dead).dump("at the very end", name)
    dead.end()
    directory = f"/jugdir/{name[:2].decode()}"
    before = shared.stat(directory).st_mtime_ns
    assert store_at(other).getlock(name).get()
    assert shared.stat(directory).st_mtime_ns > before
