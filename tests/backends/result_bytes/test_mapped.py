"""Large arrays that are mapped into memory when they are loaded."""

import os
import subprocess
import sys

import pytest

from jug.backends.file_store import file_keepalive_store, file_store
from jug.errors import DamagedResultError, UsageError

np = pytest.importorskip("numpy")

NAME, OTHER = b"a" * 40, b"b" * 40
LARGE = np.arange(100_000.0).reshape(500, 200)


@pytest.fixture
def store(tmp_path):
    store = file_store(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize("kind", [file_store, file_keepalive_store])
@pytest.mark.parametrize("array", [LARGE, np.asfortranarray(LARGE), LARGE[:, ::2], LARGE.astype("U3")[:100]])
def test_what_is_mapped_is_the_array(store, tmp_path, kind, array):
    store.dump(array, NAME)
    loaded = kind(tmp_path, mmap_mode="r").load(NAME)
    assert type(loaded) is np.ndarray and isinstance(loaded.base, np.memmap)
    assert loaded.dtype == array.dtype and np.array_equal(loaded, array)
    assert loaded.flags.f_contiguous == array.flags.f_contiguous
    with pytest.raises(ValueError, match="read-only"):
        loaded[0] = loaded[1]


def test_changes_stay_in_memory(store, tmp_path):
    store.dump(LARGE, NAME)
    loaded = file_store(tmp_path, mmap_mode="c").load(NAME)
    loaded[:] = 5
    assert np.array_equal(store.load(NAME), LARGE) and (loaded == 5).all()


@pytest.mark.parametrize("value", [np.arange(10), [LARGE, 1], np.array([b"x" * 1000] * 100, dtype=object), "text"])
def test_all_else_is_loaded_as_ever(store, tmp_path, value):
    store.dump(value, NAME)
    loaded = file_store(tmp_path, mmap_mode="r").load(NAME)
    assert not isinstance(getattr(loaded, "base", None), np.memmap)
    assert type(loaded) is type(value) and len(loaded) == len(value)


@pytest.mark.parametrize("mode", ["r+", "w+", "readonly", "", 5])
def test_there_is_no_mode_in_which_results_can_be_changed(tmp_path, mode):
    with pytest.raises(UsageError, match="a result is never changed"):
        file_store(tmp_path, mmap_mode=mode)


@pytest.mark.parametrize("change", [-1, -100, 1, 31, 1000])
def test_a_file_of_the_wrong_length_is_damaged(store, tmp_path, change):
    store.dump(LARGE, NAME)
    path = store._dir.result(NAME)
    size = os.path.getsize(path)
    with open(path, "ab") as file:
        file.write(b"x" * max(0, change))
        file.truncate(size + change)
    with pytest.raises(DamagedResultError):
        file_store(tmp_path, mmap_mode="r").load(NAME)


def test_what_was_removed_meanwhile_can_still_be_read(store, tmp_path):
    store.dump(LARGE, NAME)
    loaded = file_store(tmp_path, mmap_mode="r").load(NAME)
    store.remove(NAME)
    assert np.array_equal(loaded, LARGE)


def test_a_mapped_array_is_stored_again_as_an_array(store, tmp_path):
    store.dump(LARGE, NAME)
    mapping = file_store(tmp_path, mmap_mode="r")
    mapping.dump(mapping.load(NAME), OTHER)
    with open(store._dir.result(NAME), "rb") as one, open(store._dir.result(OTHER), "rb") as two:
        assert one.read() == two.read()


def test_signed_results_are_checked(tmp_path):
    (tmp_path / "key").write_text("a key that is long enough, and secret")
    (tmp_path / "key").chmod(0o600)
    store = file_store(tmp_path / "jugdir", mmap_mode="r", sign_key=str(tmp_path / "key"))
    store.dump(LARGE, NAME)
    assert np.array_equal(store.load(NAME), LARGE)
    path = store._dir.result(NAME)
    with open(path, "r+b") as file:
        file.seek(50_000)
        file.write(b"forged")
    with pytest.raises(DamagedResultError):
        store.load(NAME)
    store.close()


PEAK = """
import re, sys
import numpy
from jug.backends.file_store import file_store
store = file_store(sys.argv[1], mmap_mode=sys.argv[2] or None)
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
before = peak()
array = store.load(b"a" * 40)
assert array[12345] == 12345
print(peak() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells how much memory a process took")
def test_only_what_is_looked_at_takes_memory(store, tmp_path):
    array = np.arange(8_000_000.0)
    store.dump(array, NAME)

    def peak(mode):
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(tmp_path), mode], capture_output=True, check=True, encoding="ascii"
        )
        return int(done.stdout) * 1024

    assert peak("r") < array.nbytes / 10
    assert array.nbytes * 0.9 < peak("") < array.nbytes * 1.2
