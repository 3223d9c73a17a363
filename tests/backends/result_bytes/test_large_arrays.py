"""Large arrays: added up by another thread, on their way to the disk and back."""

import errno
import os
import threading
import time

import pytest
from optional import numpy as np

from jug.backends.file_store import file_store
from jug.backends.result_bytes import checksum, seal
from jug.backends.result_bytes.checksum import sealed
from jug.backends.system import proc
from jug.backends.system.atomic import atomic_file
from jug.backends.system.filesystem import FileSystem
from jug.errors import DamagedResultError

NAME = b"ab" + b"0" * 38

pytestmark = pytest.mark.skipif(np is None, reason="needs numpy")


@pytest.fixture
def store(tmp_path):
    return file_store(tmp_path / "jugdir")


@pytest.fixture
def array():
    return np.random.default_rng(1).random(1_500_000)  # 12 MB


def path_of(store):
    return os.path.join(store.jugdir, "ab", "0" * 38)


def content_of(store):
    with open(path_of(store), "rb") as file:
        return file.read()


def put(store, content):
    with open(path_of(store), "wb") as file:
        file.write(content)


KINDS = {
    "columns first": lambda a: np.asfortranarray(a.reshape(1000, -1)),
    "every second": lambda a: np.tile(a, 2)[::2],
    "dates": lambda a: (a * 1e9).astype("datetime64[s]"),
    "records": lambda a: np.rec.fromarrays([a, a.astype("f4")], names="x,y").view(np.ndarray),
    "fields in other letters": lambda a: a.view([("größe", "f8"), ("Ω", "f8")]),
    "read-only": lambda a: np.broadcast_to(a, (2, len(a))),
    "other end first": lambda a: a.astype(">f8"),
}


@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_back_is_what_was_stored(store, array, kind):
    value = KINDS[kind](array)
    store.dump(value, NAME)
    found = store.load(NAME)
    assert found.dtype == value.dtype and found.shape == value.shape and found.tobytes() == value.tobytes()
    assert found.flags.writeable and found.flags.f_contiguous == (value.flags.f_contiguous or found.ndim == 1)
    assert store.verify(NAME).kind == "whole"
    assert not [thread for thread in threading.enumerate() if thread.name == "jug checksum"]


@pytest.mark.parametrize("at", [60, 5_000_000, -100, -31, -25, -20, -1])
def test_a_flipped_bit_is_found(store, array, at):
    store.dump(array, NAME)
    content = bytearray(content_of(store))
    content[at] ^= 4
    put(store, content)
    with pytest.raises(DamagedResultError):
        store.load(NAME)
    assert store.verify(NAME).kind == "damaged"


@pytest.mark.parametrize("size", [200, 1_000_000, 11_999_000, -40, -30, -1])
def test_a_file_that_was_cut_is_found(store, array, size):
    store.dump(array, NAME)
    put(store, content_of(store)[:size])
    with pytest.raises(DamagedResultError):
        store.load(NAME)


def test_the_seal_of_earlier_files_is_right_still(store, array):
    store.dump(array, NAME)
    body = content_of(store)[: -checksum.SEAL_SIZE]
    put(store, b"".join(sealed(body)))
    assert content_of(store)[-checksum.SEAL_SIZE :].startswith(b"JUGSUM1")
    assert (store.load(NAME) == array).all() and store.verify(NAME).kind == "whole"
    put(store, b"".join(sealed(body[:-1] + b"@")))
    assert store.load(NAME)[-1] != array[-1]
    put(store, b"".join(sealed(body))[:-5] + b"wrong")
    with pytest.raises(DamagedResultError):
        store.load(NAME)


def test_without_another_thread_it_is_the_same_file(store, array, monkeypatch):
    store.dump(array, NAME)
    content = content_of(store)

    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    store.dump(array, NAME)
    assert content_of(store) == content and (store.load(NAME) == array).all()


def test_what_cannot_be_added_up_is_not_stored(store, array, monkeypatch):
    class NoMemory:
        def update(self, data):
            raise MemoryError("for the checksum")

    monkeypatch.setattr(seal, "sha1", lambda usedforsecurity: NoMemory())
    with pytest.raises(MemoryError, match="for the checksum"):
        store.dump(array, NAME)
    assert not store.can_load(NAME) and not os.path.exists(path_of(store))


class Full(FileSystem):
    """No room after some megabytes, once."""

    def __init__(self):
        self.left = 5_000_000
        self.slept = 0

    def write(self, fd, data):
        self.left -= len(data)
        if self.left < 0 and not self.slept:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(fd, data)

    def sleep(self, seconds):
        self.slept += 1


def test_what_fails_in_the_middle_is_written_once_more(tmp_path, array):
    fs = Full()
    store = file_store(tmp_path / "jugdir", fs=fs)
    store.dump(array, NAME)
    assert fs.slept and (store.load(NAME) == array).all()
    assert not [thread for thread in threading.enumerate() if thread.name == "jug checksum"]


def test_the_disk_has_something_to_do_from_the_first_megabytes_on(tmp_path):
    begun = []

    class Recorder(FileSystem):
        def write_back(self, fd, at, size):
            begun.append((at, size, os.fstat(fd).st_size))
            super().write_back(fd, at, size)

    with atomic_file(Recorder(), str(tmp_path / "t"), str(tmp_path / "file")) as stream:
        for _ in range(20):
            stream.write(bytes(1 << 20))
    assert begun == [(0, 1 << 23, 1 << 23), (1 << 23, 1 << 23, 1 << 24)]


def test_large_pieces_do_not_pile_up(monkeypatch):
    """What numpy copies, piece by piece of 16 MB, is not all in memory because hashing is slow."""
    begin = threading.Event()
    waiting = []

    class Slow:
        def update(self, data):
            begin.wait(20)

        def digest(self):
            return bytes(20)

    monkeypatch.setattr(seal, "sha1", lambda usedforsecurity: Slow())
    total = seal.sum_of_large(1 << 26)

    def give():
        for number in range(6):
            total.update(bytes(1 << 24))
            waiting.append(number)

    giver = threading.Thread(target=give)
    giver.start()
    giver.join(0.5)
    assert waiting == [0]
    begin.set()
    giver.join(20)
    assert waiting == list(range(6)) and total.seal()[7:15] == (6 << 24).to_bytes(8, "big")


def test_a_kernel_without_the_clock_of_time_stamps_is_never_believed(monkeypatch):
    def unknown(clock):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    assert 0 < proc.stamp_now() <= time.time_ns()
    monkeypatch.setattr(time, "clock_gettime_ns", unknown)
    assert proc.stamp_now() == 0
