"""Errors that pass, one at a time; all together, at any call: tests/simulation."""

import errno
import os
import signal
import threading

import pytest
from client import NfsClient
from disk import Disk
from memory_fs import MemoryFS, on

from jug.backends.file_store import file_store
from jug.backends.system.retry import PAUSES, ROOM_PATIENCE
from jug.backends.system.signals import Ear
from jug.errors import NoRoomError, StoreError

PASSING = ["EIO", "ESTALE", "EINTR", "ETIMEDOUT", "EAGAIN", "EBUSY"]


class Troubled(MemoryFS):
    """Fails with an error at one kind of call, so many times; before the call is made, or after."""

    def __init__(self):
        super().__init__()
        self.errors = {}
        self.made = {}

    def fail(self, call, error, times=1, done=False):
        self.errors[call] = [getattr(errno, error), times, done]
        plain = getattr(type(self), call)

        def failing(*args):
            self.made.setdefault(call, []).append(args)
            number, left, done = self.errors[call]
            if not left:
                return plain(self, *args)
            self.errors[call][1] -= 1
            if done:
                plain(self, *args)
            raise OSError(number, os.strerror(number))

        setattr(self, call, failing)


@pytest.fixture
def fs():
    return Troubled()


@pytest.fixture
def store(fs):
    store = file_store("/jugdir", **on(fs))
    store.create()
    return store


def temporary_files(fs):
    return [name for name in fs.listdir("/jugdir/tempfiles") if name.startswith("r-")]


def test_a_rename_whose_reply_was_lost_was_done(fs, store, name):
    fs.fail("rename", "ENOENT", done=True)
    store.dump(1, name)
    assert store.load(name) == 1
    assert len(fs.made["rename"]) == 1


def test_a_rename_that_was_not_done_is_an_error_even_if_there_is_an_older_result(fs, store, name):
    store.dump(1, name)
    fs.fail("rename", "EACCES")
    with pytest.raises(StoreError, match="Permission denied"):
        store.dump(2, name)
    assert store.load(name) == 1
    assert temporary_files(fs) == []


@pytest.mark.parametrize("call", ["open_excl", "write", "fsync", "close", "rename"])
@pytest.mark.parametrize("error", PASSING)
def test_a_passing_error_while_a_result_is_written_costs_another_file(fs, store, name, call, error):
    store.dump(0, name)  # the directories are there
    fs.fail(call, error, times=len(PAUSES))
    fs.fail("open_excl", error, times=len(PAUSES) if call == "open_excl" else 0)
    store.dump(1, name)
    assert store.load(name) == 1
    assert temporary_files(fs) == []
    assert len(set(fs.made["open_excl"])) == len(PAUSES) + 1


def test_an_error_that_does_not_pass_in_time_is_one(fs, store, name):
    fs.fail("write", "EIO", times=len(PAUSES) + 1)
    with pytest.raises(StoreError, match="Cannot write .*: Input/output error"):
        store.dump(1, name)
    assert temporary_files(fs) == []


@pytest.mark.parametrize("call", ["open_read", "read"])
def test_reading_is_tried_again(fs, store, name, call):
    store.dump(1, name)
    fs.fail(call, "ESTALE", times=len(PAUSES))
    assert store.load(name) == 1


def test_what_is_gone_at_the_second_attempt_to_remove_it_was_removed(fs, store, name):
    store.dump(1, name)
    fs.fail("unlink", "EIO", done=True)
    assert store.remove(name)
    assert not store.can_load(name)


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
def test_a_result_waits_for_room(fs, store, name, error, capsys):
    fs.fail("write", error, times=5)
    store.dump(1, name)
    assert store.load(name) == 1
    assert temporary_files(fs) == []
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"{os.strerror(getattr(errno, error))}; waiting for room for 600 s" in told[0]
    assert "There is room for /jugdir/" in told[1]


def test_without_room_a_value_is_lost_in_the_end_and_its_size_is_told(fs, store, name):
    fs.fail("write", "ENOSPC", times=10**6)
    before = fs.monotonic()
    with pytest.raises(
        StoreError, match=r"No space left on device \(waited for 600 s\); .* lost \(\d+ bytes\)"
    ) as raised:
        store.dump(os.urandom(10_000), name)
    assert int(str(raised.value).rpartition("(")[2].split()[0]) > 10_000
    assert ROOM_PATIENCE <= fs.monotonic() - before < ROOM_PATIENCE + 1
    assert temporary_files(fs) == []


@pytest.mark.parametrize("seconds", [0, 45])
def test_room_is_waited_for_as_long_as_one_is_told_to(fs, store, name, seconds):
    store.patience = seconds
    assert store.patience == seconds
    fs.fail("write", "ENOSPC", times=10**6)
    before = fs.monotonic()
    with pytest.raises(NoRoomError, match=rf"No space left on device \(waited for {seconds} s\)"):
        store.dump(1, name)
    assert seconds <= fs.monotonic() - before < seconds + 1


def test_what_is_known_of_a_failure_waits_for_no_room(fs, store, name):
    """A full disk may be why the task has failed, which is long enough."""
    fs.fail("write", "ENOSPC", times=10**6)
    before = fs.monotonic()
    with pytest.raises(NoRoomError):
        store.record_failure(name, {})
    assert fs.monotonic() - before < 1


def test_a_signal_ends_the_wait_for_room(fs, store, name, monkeypatch):
    """A handler that only takes note of it, as that of a worker who is storing, does not raise."""
    monkeypatch.setattr(fs, "ear", Ear, raising=False)
    fs.fail("write", "ENOSPC", times=10**6)
    before = signal.signal(signal.SIGTERM, lambda signum, frame: None)
    timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGTERM])
    timer.start()
    try:
        with pytest.raises(StoreError, match="no longer waiting for room, because of a signal"):
            store.dump(1, name)
    finally:
        timer.join()
        signal.signal(signal.SIGTERM, before)


def test_a_signal_that_the_user_has_a_handler_for_does_not_end_the_wait_for_room(fs, store, name, monkeypatch):
    monkeypatch.setattr(fs, "ear", Ear, raising=False)
    heard = []

    def make_room(signum, frame):
        heard.append(signum)
        fs.errors["write"][1] = 0

    before = signal.signal(signal.SIGUSR1, make_room)
    fs.fail("write", "ENOSPC", times=10**6)
    timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    try:
        store.dump(1, name)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1] and store.load(name) == 1


def test_a_lock_waits_for_room_too_and_is_not_left_half_made(fs, store, name):
    fs.fail("link", "ENOSPC", times=3)
    lock = store.getlock(name)
    assert lock.get()
    assert len(fs.made["link"]) == 5  # the first one finds out that there is no directory
    lock.release()
    assert not lock.is_locked()


@pytest.mark.parametrize("error", PASSING)
def test_a_lock_is_taken_in_spite_of_a_passing_error(fs, store, name, error):
    for call in ("open_excl", "write", "fsync", "link"):
        fs.fail(call, error)
        assert store.getlock(name).get()
        store.remove_locks()
        store.close()


def test_a_directory_whose_creation_was_not_confirmed_is_there(fs, name):
    fs.fail("mkdir", "EEXIST", done=True)
    store = file_store("/jugdir", **on(fs))
    store.dump(1, name)
    assert store.load(name) == 1


class OnNfs:
    """The calls of one NFS client."""

    def __init__(self, disk, number):
        self._client = NfsClient(disk, f"m{number}")

    def __getattr__(self, call):
        if call in ("abspath", "pid", "host", "token", "sleep", "monotonic", "now", "ear"):
            return getattr(self._client.disk, call)
        if call == "kind":
            return lambda path: self._client.kind
        return lambda *args: self._client.call(call, *args)


def test_that_there_is_no_result_is_an_answer_of_the_server(name):
    disk = Disk()
    one, two = (file_store("/jugdir", **on(OnNfs(disk, number))) for number in range(2))
    one.dump(0, name[:-1] + b"x")  # the directory is there
    assert not two.can_load(name)
    one.dump(1, name)
    with pytest.raises(FileNotFoundError):
        two._fs.stat(two._dir.result(name))  # what this client believes, for half a minute
    assert two.can_load(name)


def test_that_there_is_no_failure_is_an_answer_of_the_server_too(name):
    disk = Disk()
    one, two = (file_store("/jugdir", **on(OnNfs(disk, number))) for number in range(2))
    one.record_failure(name[:-1] + b"x", {})
    assert two.failure(name) is None
    one.record_failure(name, {"run": "this"})
    with pytest.raises(FileNotFoundError):
        two._fs.stat(f"/jugdir/failures/{name.decode()}")
    assert two.failure(name) == {"run": "this"}


@pytest.mark.parametrize("word", PASSING)
def test_an_error_of_closing_what_was_only_read_is_of_no_importance(store, fs, name, word):
    store.dump([1, 2], name)
    lock = store.getlock(name)
    assert lock.get()
    fs.fail("close", word, times=10**6, done=True)
    assert store.load(name) == [1, 2] and store.can_load(name) and store.lock_states() == {name: False}
    lock.release()
    assert store.lock_states() == {}


def test_a_file_that_could_not_be_closed_is_written_again(store, fs, name):
    store.dump([0], name)  # all directories are there
    fs.fail("rename", "EIO", times=0)
    before = len(fs.made.get("rename", ()))
    plain = fs.close
    fds = []

    def close(fd):
        if not fds and fs.fstat(fd).st_size:  # the first that holds something: the result
            fds.append(fd)
            plain(fd)
            raise OSError(errno.EIO, "Input/output error")
        plain(fd)

    fs.close = close
    store.dump([1, 2], name)
    assert fds and len(fs.made["rename"]) == before + 1
    assert store.load(name) == [1, 2] and temporary_files(fs) == []


def test_that_there_is_no_jugdir_is_an_answer_of_the_server_too(name):
    disk = Disk()
    one, two = (file_store("/home/jugdir", **on(OnNfs(disk, number))) for number in range(2))
    assert list(two.list()) == []
    one.dump(1, name)
    assert list(two.list()) == [name]


@pytest.mark.parametrize("look", ["load", "can_load", "list"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_that_there_is_nothing_to_load_is_an_answer_of_the_server_too(name, look, is_packed):
    disk = Disk()
    one, two = (file_store("/jugdir", **on(OnNfs(disk, number))) for number in range(2))
    for directory in (
        name[:2].decode(),
        "packs",
        "locks",
        "tempfiles",
    ):  # nothing else will change in the jugdir itself
        one._dir.ensure(directory)
    looks = {
        "load": lambda: two.load(name) == 1,
        "can_load": lambda: two.can_load(name),
        "list": lambda: name in two.list(),
    }
    try:
        assert not looks[look]()
    except FileNotFoundError:
        pass
    one.dump(1, name)
    if is_packed:
        one.pack()
    assert looks[look]()


def test_a_file_that_is_gone_while_it_is_read_is_opened_again(fs, name):
    store = file_store("/jugdir", **on(fs))
    store.dump(1, name)
    fs.fail("read", "ESTALE", times=1 + len(PAUSES))
    assert store.load(name) == 1
    store.pack()
    fs.fail("read", "ESTALE", times=1 + len(PAUSES))
    assert file_store("/jugdir", **on(fs)).load(name) == 1
