"""Records of failures as files: ``failures/<hash>`` in the jugdir."""

import json
import os
import time

import pytest

from jug.backends.file_store import file_store
from jug.errors import StoreError


@pytest.fixture
def jugdir(tmp_path):
    return tmp_path / "jugdir"


@pytest.fixture
def files(jugdir):
    return file_store(jugdir)


def test_a_record_is_json_in_a_file_of_its_own(files, jugdir, name):
    files.record_failure(name, {"task": "ä"})
    assert json.loads((jugdir / "failures" / name.decode()).read_text()) == {"task": "ä"}
    assert [path.name for path in (jugdir / "tempfiles").iterdir() if path.name[:2] != "w-"] == []


def test_nothing_is_made_by_looking(files, jugdir, name):
    files.failures()
    files.failure(name)
    files.remove_failures([name])
    assert not jugdir.exists()


def test_what_is_no_record_is_left_out_and_left_alone(files, jugdir, names):
    files.record_failure(names[0], {"attempts": 1})
    places = [jugdir / "failures" / text for text in ("notes.txt", *(name.decode() for name in names[1:4]))]
    for place, text in zip(places, ("mine", "{ half", "[1, 2]", "[" * 10**5), strict=True):
        place.write_text(text)
    assert files.failures() == {names[0]: {"attempts": 1}}
    assert files.failure(names[1]) is None
    file_store.remove_store(str(jugdir))
    assert [path for path in places if path.exists()] == places[:1]


def test_an_unreadable_place_is_one_sentence(files, jugdir, name):
    jugdir.mkdir()
    (jugdir / "failures").symlink_to("failures")  # whoever follows it goes round and round
    with pytest.raises(StoreError, match=r"^Cannot list .*/failures: Too many levels of symbolic links$"):
        files.failures()


def test_a_record_that_is_not_ours_to_read_is_left_out(files, jugdir, names, monkeypatch):
    for name in names[:2]:
        files.record_failure(name, {"attempts": 1})
    plain = files._fs.open_read

    def open_read(path):
        if path.endswith(names[0].decode()):
            raise PermissionError(13, "Permission denied", path)
        return plain(path)

    monkeypatch.setattr(files._fs, "open_read", open_read)
    (jugdir / "failures" / names[2].decode()).mkdir()
    assert files.failures() == {names[1]: {"attempts": 1}}
    assert files.failure(names[0]) is None


def test_a_record_is_read_once(files, names):
    for name in names:
        files.record_failure(name, {})
    files.failures()
    opened = []
    plain = files._fs.open_read
    files._fs.open_read = lambda path: opened.append(path) or plain(path)
    files.record_failure(names[3], {"attempts": 2})
    assert files.failures()[names[3]] == {"attempts": 2}
    assert len(opened) == 1


def test_a_lock_says_who_made_it_and_when(files, jugdir, names):
    before = int(time.time())
    files.getlock(names[0]).get()
    (jugdir / "locks" / f"{names[1].decode()}.lock").write_bytes(b"\xff something else\nLock created on Monday\n")
    (jugdir / "locks" / f"{names[2].decode()}.lock").touch()
    details = files.lock_details()
    ours = details[names[0]]
    assert (ours.host, ours.pid) == (os.uname().nodename, os.getpid())
    assert before <= ours.since <= time.time()
    assert [(details[name].host, details[name].pid, details[name].since) for name in names[1:3]] == [("", 0, None)] * 2


def test_a_lock_that_goes_while_all_are_looked_at_is_left_out(files, names):
    locks = [files.getlock(name) for name in names[:2]]
    for lock in locks:
        assert lock.get()
    listed = list(files.listlocks())
    files.listlocks = lambda: iter([*listed, names[2]])
    assert set(files.lock_details()) == set(names[:2])
