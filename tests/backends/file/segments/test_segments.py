"""Results of short tasks, which are stored together: who sees them when, and what is left whatever happens."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time

import pytest
from needs import Needs

from jug.backends.encode import decode
from jug.backends.file.pack.pack_lock import PackLock
from jug.backends.file.publication import publish
from jug.backends.file.segments import compaction
from jug.backends.file.segments.segment_format import assembled, record, scanned
from jug.backends.file_store import file_store
from jug.backends.result_bytes.key_file import read_key
from jug.backends.result_bytes.result_file import serialise
from jug.backends.system.filesystem import FileSystem
from jug.errors import DamagedResultError, UnloadableResultError

NAMES = [b"%040x" % (7 * number**5) for number in range(300)]


def put(store, numbers, values=None):
    """Have results wait, each under its lock."""
    for number in numbers:
        lock = store.getlock(NAMES[number])
        assert lock.get()
        assert store.dump_soon(number if values is None else values, NAMES[number], lock) is None


def group_files(where):
    packs = where / "packs"
    return sorted(packs.glob("g-*")) if packs.exists() else []


@pytest.fixture
def store(tmp_path):
    store = file_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def other(tmp_path):
    return file_store(tmp_path)


# While they wait, and afterwards


def test_a_result_that_waits_is_seen_here_alone_and_its_task_is_locked(store, other):
    put(store, range(3))
    assert [store.load(NAMES[i]) for i in range(3)] == [0, 1, 2] and store.can_load(NAMES[0])
    assert not other.can_load(NAMES[0]) and list(other.list()) == []
    assert not other.getlock(NAMES[0]).get()
    assert sorted(other.listlocks()) == sorted(NAMES[:3])


def test_those_that_wait_become_one_file_and_their_locks_are_released(store, other, tmp_path):
    assert not other.can_load(NAMES[0])
    put(store, range(200))
    assert store.flush() == set()
    assert len(group_files(tmp_path)) == 1
    assert list(other.listlocks()) == []
    assert sorted(other.list()) == sorted(NAMES[:200])
    assert [other.load(name) for name in NAMES[:200]] == list(range(200))
    assert not other.can_load(NAMES[200])
    with pytest.raises((KeyError, FileNotFoundError)):
        other.load(NAMES[200])


def test_what_is_loaded_twice_are_two_objects(store):
    put(store, [0], [1, 2])
    store.load(NAMES[0]).append(3)
    store.flush()
    store.load(NAMES[0]).append(3)
    assert store.load(NAMES[0]) == [1, 2]


def test_the_end_of_a_store_leaves_nothing_behind_that_waits(tmp_path, other):
    store = file_store(tmp_path)
    put(store, range(3))
    store.close()
    assert sorted(other.list()) == sorted(NAMES[:3]) and list(other.listlocks()) == []
    assert os.listdir(tmp_path / "tempfiles") == []


def test_a_large_result_is_a_file_of_its_own_at_once(store, other, tmp_path):
    value = os.urandom(20_000)
    lock = store.getlock(NAMES[0])
    assert lock.get()
    assert store.dump_soon(value, NAMES[0], lock) is True
    assert other.load(NAMES[0]) == value
    assert group_files(tmp_path) == []
    lock.release()


def test_arrays_wait_too(store, other):
    numpy = pytest.importorskip("numpy")
    put(store, [0], numpy.arange(20).reshape(4, 5))
    store.flush()
    assert other.load(NAMES[0]).tolist() == numpy.arange(20).reshape(4, 5).tolist()


def test_more_than_there_is_room_for_is_stored_before(store, other, monkeypatch):
    monkeypatch.setattr("jug.backends.file.segments.write_behind.ROOM", 1000)
    put(store, range(50))
    assert 0 < len(list(other.list())) < 50
    store.flush()
    assert len(list(other.list())) == 50


def test_on_a_network_file_system_each_result_is_stored_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(FileSystem, "kind", lambda fs, path: "nfs4")
    store = file_store(tmp_path)
    lock = store.getlock(NAMES[0])
    assert lock.get() and store.dump_soon(1, NAMES[0], lock) is True
    assert group_files(tmp_path) == [] and file_store(tmp_path).load(NAMES[0]) == 1
    lock.release()
    store.close()


def test_beside_an_old_release_which_sees_no_groups_each_result_is_stored_by_itself(store, tmp_path):
    put(store, [0])
    store.flush()
    (tmp_path / "locks" / (NAMES[1].decode() + ".lock")).write_text(f"PID {os.getpid()} on HOSTNAME {os.uname()[1]}\n")
    assert not store.getlock(NAMES[1]).get()
    lock = store.getlock(NAMES[2])
    assert lock.get() and store.dump_soon(1, NAMES[2], lock) is True
    lock.release()


def test_who_lost_his_lock_meanwhile_stores_nothing_under_it(store, other):
    put(store, range(3))
    assert other.remove_lock(NAMES[1])
    assert set(store.flush()) == {NAMES[1]}
    assert sorted(other.list()) == sorted([NAMES[0], NAMES[2]])
    assert store.flush() == set()


def under(store, number, *inputs):
    """A lock of a task that is computed from results that wait."""
    lock = store.getlock(NAMES[number])
    assert lock.get()
    names = {NAMES[needed] for needed in inputs}
    if names:
        lock.inputs = Needs(store, names)
    return lock


def test_nor_what_was_computed_from_that(store, other):
    for number in range(5):
        lock = under(store, number, *([number - 1] if number else []))
        assert store.dump_soon(number, NAMES[number], lock) is None
    put(store, [5])
    assert other.remove_lock(NAMES[2])
    assert set(store.flush()) == set(NAMES[2:5])
    assert sorted(other.list()) == sorted([*NAMES[:2], NAMES[5]]) and list(other.listlocks()) == []


def test_nor_what_is_computed_from_that_when_room_was_made(store, other, monkeypatch):
    monkeypatch.setattr("jug.backends.file.segments.write_behind.ROOM", 1000)
    put(store, [0])
    assert other.remove_lock(NAMES[0])
    put(store, range(1, 20))
    lock = under(store, 20, 0)
    assert store.dump_soon(20, NAMES[20], lock) is False
    lock.release()
    assert not other.can_load(NAMES[20]) and list(other.listlocks()) == []


@pytest.mark.parametrize("is_overtaken", [False, True])
def test_before_a_large_result_is_stored_what_it_was_computed_from_is(store, other, is_overtaken):
    put(store, range(3))
    if is_overtaken:
        assert other.remove_lock(NAMES[1])
    lock = under(store, 3, 1)
    assert store.dump_soon(os.urandom(60_000), NAMES[3], lock) is not is_overtaken
    assert other.can_load(NAMES[0]) and other.can_load(NAMES[3]) is not is_overtaken
    lock.release()


def test_a_large_result_that_was_computed_from_nothing_that_waits_leaves_it_waiting(store, other):
    put(store, range(3))
    lock = under(store, 3)
    assert store.dump_soon(os.urandom(60_000), NAMES[3], lock) is True
    lock.release()
    assert list(other.list()) == [NAMES[3]]


def test_what_is_stored_without_a_lock_is_stored_after_what_waits(store, other, monkeypatch):
    there = []

    def look_and_publish(*arguments, **options):
        there.append(other.can_load(NAMES[0]))
        return publish(*arguments, **options)

    put(store, [0])
    monkeypatch.setattr("jug.backends.file_store.publish", look_and_publish)
    store.dump("by a function", NAMES[1])
    assert there[-1] and store.flush() == set()


def test_a_process_that_was_forked_stores_nothing_of_what_waits_in_its_parent(store, other, tmp_path):
    put(store, range(3))
    child = os.fork()
    if not child:
        store.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert group_files(tmp_path) == [] and len(list(other.listlocks())) == 3
    store.flush()
    assert len(list(other.list())) == 3


# Changes


def test_what_is_removed_is_gone_for_everybody(store, other, tmp_path):
    put(store, range(10))
    store.flush()
    assert other.load(NAMES[3]) == 3
    assert store.remove_many([NAMES[3], NAMES[299]]) == {NAMES[3]}
    assert not other.can_load(NAMES[3]) and not store.can_load(NAMES[3])
    assert len(list(other.list())) == 9 and other.load(NAMES[4]) == 4
    assert store.remove_many(NAMES) == set(NAMES[:10]) - {NAMES[3]}
    assert group_files(tmp_path) == [] and list(other.list()) == []


def test_a_result_that_is_stored_again_is_the_new_one(store, other):
    put(store, range(3))
    store.flush()
    other.dump("new", NAMES[1])
    assert store.load(NAMES[1]) == other.load(NAMES[1]) == "new"
    assert store.load(NAMES[2]) == 2
    assert store.remove(NAMES[1]) and not other.can_load(NAMES[1])


def test_there_are_never_many_files(store, other, tmp_path):
    for number in range(150):
        put(store, [number])
        store.flush()
        assert other.load(NAMES[number]) == number
    assert len(group_files(tmp_path)) <= 2 * compaction.MANY
    assert [other.load(name) for name in NAMES[:150]] == list(range(150))


def test_a_view_tells_what_came_and_went_and_not_what_only_moved(store, other, monkeypatch):
    monkeypatch.setattr(compaction, "MANY", 3)
    view = other.listing()
    assert view.refresh() == (set(), set())
    put(store, range(4))
    store.flush()
    assert view.refresh() == (set(NAMES[:4]), set())
    for number in range(4, 7):
        put(store, [number])
        store.flush()
    assert view.refresh() == (set(NAMES[4:7]), set())
    store.remove(NAMES[0])
    assert view.refresh() == (set(), {NAMES[0]})
    assert view.refresh() == (set(), set())


def test_pack_puts_them_where_old_releases_find_them(store, other, tmp_path):
    put(store, range(10))
    put(store, [10], os.urandom(2000))
    store.flush()
    large = other.load(NAMES[10])
    assert store.pack().packed == 10
    assert group_files(tmp_path) == []
    packed = decode((tmp_path / "packs" / "jugpack").read_bytes())
    assert packed == {NAMES[number]: number for number in range(10)}
    name = NAMES[10].decode()
    assert decode((tmp_path / name[:2] / name[2:]).read_bytes()) == large
    assert other.load(NAMES[10]) == large and other.load(NAMES[5]) == 5


def test_when_they_were_stored_is_known(store):
    put(store, [0])
    assert store.metadata(Hashed(NAMES[1])) == {"computed": False}
    store.flush()
    found = store.metadata(Hashed(NAMES[0]))
    assert found["computed"] and abs(time.mktime(time.strptime(found["completed"])) - time.time()) < 100


class Hashed:
    def __init__(self, name):
        self.hash = lambda: name


def test_to_load_one_unpickles_no_other(store, other, tmp_path):
    put(store, [0], 5)
    put(store, [1], Snare(str(tmp_path / "snapped")))
    store.flush()
    assert other.load(NAMES[0]) == 5 and len(list(other.list())) == 2
    other.remove(NAMES[0])
    assert not (tmp_path / "snapped").exists()
    other.load(NAMES[1])
    assert (tmp_path / "snapped").exists()


class Snare:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


class Broken:
    def __reduce__(self):
        return {}.__getitem__, ("missing",)


def test_an_object_whose_reading_raises_a_key_error_is_not_taken_for_missing(store, other):
    put(store, [0], Broken())
    store.flush()
    with pytest.raises(UnloadableResultError, match="missing"):
        other.load(NAMES[0])
    assert other.can_load(NAMES[0])


def test_many_are_loaded_wherever_they_are(store, other):
    put(store, range(200))
    store.flush()
    other.dump("a file", NAMES[200])
    store.pack()
    put(store, range(201, 299))
    store.flush()
    other.dump("a file", NAMES[299])
    expected = [*range(200), "a file", *range(201, 299), "a file"]
    assert list(other.load_many(NAMES)) == list(zip(NAMES, expected, strict=True))
    with pytest.raises((KeyError, FileNotFoundError)):
        list(store.load_many([NAMES[0], b"f" * 40]))


# Damage


def test_those_that_lie_side_by_side_are_read_at_once(store, tmp_path):
    for number in range(60):
        put(store, [number], os.urandom(3000))
    store.flush()
    reads = []

    class Recorder(FileSystem):
        def pread(self, fd, size, at):
            reads.append(size)
            return super().pread(fd, size, at)

    reader = file_store(tmp_path, fs=Recorder())
    near, far = NAMES[7:27], [NAMES[0], NAMES[59], NAMES[42]]
    assert len(list(reader.list())) == 60
    cases = [(near, 1), (near[::-1], 1), (far, 3), ([*far, *near, NAMES[100]], 4), ([], 0)]
    cases += [(NAMES[0:60:5], 1), (NAMES[0:60:8], 8)]  # between which there are twelve, and twenty, thousand bytes
    for names, number in cases:
        reads.clear()
        there = [name for name in names if name != NAMES[100]]
        found = reader._packs.segments.reader.read_many(names)
        assert found.keys() == set(there) and len(reads) == number
        assert list(reader.load_many(there)) == [(name, store.load(name)) for name in there]
    with pytest.raises((KeyError, FileNotFoundError)):
        list(reader.load_many([NAMES[3], NAMES[100]]))


def test_a_damaged_result_is_told_from_the_others_and_set_aside(store, other, tmp_path):
    put(store, range(5))
    store.flush()
    (path,) = group_files(tmp_path)
    data = path.read_bytes()
    at = data.index(pickle.dumps(3, pickle.HIGHEST_PROTOCOL))
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])
    with pytest.raises(DamagedResultError):
        other.load(NAMES[3])
    assert [other.load(NAMES[number]) for number in (0, 1, 2, 4)] == [0, 1, 2, 4]
    assert other.set_aside(NAMES[0]) is None
    kept = other.set_aside(NAMES[3])
    assert os.path.dirname(kept) == str(tmp_path / "corrupt") and os.path.exists(kept)
    assert not store.can_load(NAMES[3]) and store.load(NAMES[4]) == 4
    assert other.foreign() == []


@pytest.mark.parametrize("damage", ["cut", "index", "tail"])
def test_of_a_damaged_file_what_is_whole_stays(store, other, tmp_path, capsys, damage):
    put(store, range(5))
    store.flush()
    (path,) = group_files(tmp_path)
    data = path.read_bytes()
    damaged = {"cut": data[: data.rindex(b"JUGR") + 60], "index": data[:-90] + b"X" + data[-89:], "tail": data[:-1]}
    path.write_bytes(damaged[damage])
    there = sorted(other.list())
    whole = sorted(scanned(path.read_bytes()))
    assert there == [name for name, _, _ in whole] and len(there) == (4 if damage == "cut" else 5)
    assert "is damaged" in capsys.readouterr().err
    assert [other.load(name) for name in there] == [NAMES.index(name) for name in there]
    other.dump("x", NAMES[200])
    assert group_files(tmp_path) != [path] and len(group_files(tmp_path)) == 1
    assert sorted(file_store(tmp_path).list()) == sorted([*there, NAMES[200]])
    assert [name for name in os.listdir(tmp_path / "corrupt") if name.startswith(path.name)]
    assert other.foreign() == []


def test_whatever_is_wrong_with_a_file_no_wrong_record_is_read_from_it():
    data, index = assembled([(name, record(name, name * 3)) for name in NAMES[:20]])
    assert sorted(scanned(data)) == sorted(index)
    right = {name: name * 3 for name in NAMES[:20]}
    for at in range(0, len(data), 37):
        for bad in (data[:at], data[at:], data[:at] + b"JUGR" + data[at + 4 :], data[:at] + bytes(60) + data[at:]):
            found = list(scanned(bad))
            assert all(bad[begin : begin + size] == right[name] for name, begin, size in found)
            assert len(found) >= 10 or len(bad) < len(data)


# Death

WORKER = """
import os, signal, sys, time
from jug.backends.file_store import file_store
store = file_store(sys.argv[1])
names = [b"%040x" % (7 * number**5) for number in range(300)]
for number in range(5):
    lock = store.getlock(names[number])
    assert lock.get()
    assert store.dump_soon(number, names[number], lock) is None
lock = store.getlock(names[5])
assert lock.get()
print(store._dir.ownership._watchdog.pid, flush=True)
time.sleep(1000)
"""


@pytest.fixture
def worker(tmp_path):
    """A process with five results that wait, and a long task; and its watchdog's number."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE, encoding="ascii")
    yield process, int(process.stdout.readline())
    process.kill()
    process.communicate()


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it takes for ever"
        time.sleep(0.02)


def test_others_do_not_wait_for_a_task_that_turns_out_to_be_long(worker, other):
    until(lambda: len(list(other.list())) == 5)
    assert [other.load(name) for name in NAMES[:5]] == list(range(5))
    assert not other.getlock(NAMES[5]).get(), "the worker lives"


def test_what_a_killed_worker_has_computed_is_not_lost(worker, other, tmp_path):
    worker[0].kill()
    until(lambda: list(other.listlocks()) == [])
    assert sorted(other.list()) == sorted(NAMES[:5])
    assert [other.load(name) for name in NAMES[:5]] == list(range(5))
    until(lambda: os.listdir(tmp_path / "tempfiles") == [])


def test_a_watchdog_stores_nothing_that_may_come_from_what_another_took_over(worker, other):
    process, watchdog = worker
    os.kill(watchdog, signal.SIGSTOP)
    assert other.remove_lock(NAMES[2])
    theirs = other.getlock(NAMES[2])
    assert theirs.get()
    process.kill()
    os.kill(watchdog, signal.SIGCONT)
    until(lambda: list(other.listlocks()) == [NAMES[2]])
    assert sorted(other.list()) == sorted(NAMES[:2])
    theirs.release()
    other.close()


def test_what_is_lost_with_the_watchdog_can_be_computed_again(worker, other):
    process, watchdog = worker
    os.kill(watchdog, signal.SIGKILL)
    process.kill()
    process.wait()
    there = set(other.list())  # if the watchdog was fast
    for name in NAMES[:6]:
        lock = other.getlock(name)
        assert lock.get()
        assert other.can_load(name) == (name in there)
        lock.release()
    other.close()


def test_a_worker_whose_results_were_stored_by_its_watchdog_goes_on(tmp_path, other, store):
    put(store, range(5))
    until(lambda: len(list(other.list())) == 5)
    put(store, range(5, 8))
    assert store.flush() == set()
    assert sorted(other.list()) == sorted(NAMES[:8]) and list(other.listlocks()) == []
    assert store.remove_many(NAMES[:4]) == set(NAMES[:4])
    assert sorted(other.list()) == sorted(NAMES[4:8])


def test_a_new_watchdog_knows_what_waits(store, other):
    put(store, range(3))
    os.kill(store._dir.ownership._watchdog.pid, signal.SIGKILL)
    time.sleep(0.2)
    put(store, [3])
    until(lambda: len(list(other.list())) == 4)
    assert store.flush() == set()


READER = """
import sys
from jug.backends.file_store import file_store
store = file_store(sys.argv[1])
names = [b"%040x" % (7 * number**5) for number in range(300)]
print("ready", flush=True)
for number in range(120):
    while not store.can_load(names[number]):
        pass
    for before in range(number + 1):
        assert store.can_load(names[before]), (number, before)
        assert store.load(names[before]) == before
"""


def test_a_reader_never_misses_what_was_there_while_files_are_merged(store, tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "MANY", 2)
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for reader in readers:
        reader.stdout.readline()
    for number in range(120):
        put(store, [number])
        store.flush()
    for reader in readers:
        assert reader.communicate(timeout=200)[1].decode() == ""
        assert reader.returncode == 0


@pytest.mark.parametrize("is_known", [True, False])
def test_a_result_that_leaves_its_group_while_it_is_looked_for_is_seen(store, tmp_path, is_known):
    put(store, [0], os.urandom(3000))  # which becomes a file of its own
    store.flush()
    moved = []

    class Slow(FileSystem):
        def stat(self, path):
            try:
                return super().stat(path)
            except FileNotFoundError:
                if path.endswith(NAMES[0][2:].decode()) and not moved:
                    moved.append(file_store(tmp_path).pack())  # just after it was not found as a file
                raise

    looking = file_store(tmp_path, fs=Slow())
    if is_known:
        assert list(looking.list()) == [NAMES[0]]
    assert looking.can_load(NAMES[0]) and moved and group_files(tmp_path) == []
    assert not looking.can_load(NAMES[1])


def test_signing_all_signs_those_in_groups_too(store, tmp_path):
    put(store, range(3))
    store.flush()
    (tmp_path / "key").write_text("a key that is long enough, and secret")
    (tmp_path / "key").chmod(0o600)
    judge = file_store(tmp_path)
    judge.use_key(read_key(str(tmp_path / "key")), judging=True)
    done = judge.sign()
    assert (done.signed, done.left) == (3, [])
    signed = file_store(tmp_path, sign_key=str(tmp_path / "key"))
    assert [signed.load(name) for name in NAMES[:3]] == [0, 1, 2]
    assert judge.sign().signed == 0
    assert {verdict.kind for verdict in map(signed.verify, NAMES[:3])} == {"whole"}


# Where a result is in two files all the same: somebody copied files together, or an old release did not see it


def content_of(value):
    """The bytes that the file of such a result holds."""
    return bytes(serialise(value, False))


def lowest(values):
    return min(values, key=content_of)


def add_file(where, name, values):
    """A file of results, by number, as another site may have it."""
    records = [(NAMES[number], record(NAMES[number], content_of(value))) for number, value in values.items()]
    (where / "packs").mkdir(exist_ok=True)
    (where / "packs" / name).write_bytes(assembled(records)[0])


def told(store, number=1):
    """What is told of it in each of the ways in which it can be loaded."""
    ((_, many),) = store.load_many([NAMES[number]])
    return store.load(NAMES[number]), many


FILES = {f"g-{letter * 16}": {0: f"only {letter}", 1: f"of {letter}", 2: "same"} for letter in "abcdef"}


VALUES = [values[1] for values in FILES.values()]


@pytest.fixture(params=[0, 1, 2])
def doubled(request, tmp_path):
    """A jugdir in which a result is in six files, which are listed in one order or another."""
    file_store(tmp_path).create()
    chance = random.Random(request.param)
    values = list(FILES.values())
    chance.shuffle(values)
    for name, of_file in zip(FILES, values, strict=True):
        add_file(tmp_path, name, of_file)
    return tmp_path


def test_all_readers_choose_the_same_of_two_results(doubled, monkeypatch):
    before = file_store(doubled)
    seen = {told(before)}
    for order in (list, lambda names: names[::-1], sorted, lambda names: sorted(names, reverse=True)):
        store = file_store(doubled)
        names = store._fs.listdir
        store._dir.fs.listdir = lambda path, names=names, order=order: order(names(path))
        seen.add(told(store))
    assert seen == {(lowest(VALUES),) * 2}  # whatever the files are called


def test_one_who_knew_another_one_before_chooses_the_same(tmp_path):
    file_store(tmp_path).create()
    store = file_store(tmp_path)
    for number, (name, values) in enumerate(FILES.items()):
        add_file(tmp_path, name, values)
        assert told(store) == told(file_store(tmp_path)) == (lowest(VALUES[: number + 1]),) * 2
    for number, name in enumerate(list(FILES)[:-1]):
        os.unlink(tmp_path / "packs" / name)
        assert told(store) == told(file_store(tmp_path)) == (lowest(VALUES[number + 1 :]),) * 2


@pytest.mark.parametrize("number", [2, 3, 6])
def test_merging_some_of_the_files_changes_no_result(doubled, monkeypatch, number):
    monkeypatch.setattr(compaction, "MANY", number)
    store, watcher = file_store(doubled), file_store(doubled)
    expected = told(watcher)
    segments = store._packs.segments
    segments.refresh()
    with PackLock(store._dir) as lock:
        segments.compaction._rewrite(list(segments.reader.files.values())[:number], lock)
    assert len(group_files(doubled)) == 7 - number
    assert told(store) == told(watcher) == told(file_store(doubled)) == expected
    assert store.load(NAMES[2]) == "same"
    store.close()


def test_of_two_results_a_whole_one_counts(tmp_path):
    file_store(tmp_path).create()
    add_file(tmp_path, "g-0000000000000000", {1: "b"})
    add_file(tmp_path, "g-1111111111111111", {1: "a"})
    path = tmp_path / "packs" / "g-1111111111111111"
    data = bytearray(path.read_bytes())
    data[data.index(NAMES[1]) + 60] ^= 1
    path.write_bytes(data)
    assert told(file_store(tmp_path)) == ("b", "b")


def test_removing_a_result_removes_it_from_all_files(doubled):
    store = file_store(doubled)
    assert store.remove(NAMES[1])
    assert not store.can_load(NAMES[1]) and not file_store(doubled).can_load(NAMES[1])
    store.close()


@pytest.mark.parametrize("size", [1, 600, 2000])
def test_a_result_in_a_group_counts_before_and_after_packing(tmp_path, size):
    """An old release, which sees no groups, has run the task once more."""
    file_store(tmp_path).create()
    add_file(tmp_path, "g-0000000000000000", {1: "first" * size, 2: "other"})
    path = file_store(tmp_path)._dir.result(NAMES[1])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(content_of("second"))
    store = file_store(tmp_path)
    assert told(store) == ("first" * size,) * 2
    store.pack()
    assert group_files(tmp_path) == []
    for each in (store, file_store(tmp_path)):
        assert told(each) == ("first" * size,) * 2
        assert each.load(NAMES[2]) == "other"
    store.close()


def test_what_is_stored_on_purpose_in_its_place_stays_while_others_pack(store, other, tmp_path):
    put(store, [1])
    store.flush()
    other.dump("on purpose", NAMES[1])
    store.pack()
    assert told(store) == told(other) == told(file_store(tmp_path)) == ("on purpose",) * 2
