"""The lab tells the truth: its file system is one, its faults happen as told, and a power cut loses what it may."""

import errno
import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest
from lab import LOST_REPLIES, mounted, small
from power import Disk

pytestmark = pytest.mark.faults


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def code_of(call, *arguments):
    """The error of a call, as a word; empty if there is none."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return ""


def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def test_it_is_a_file_system(tmp_path):
    with mounted(tmp_path) as mount:
        one, two = mount.path / "one", mount.path / "d" / "two"
        one.write_bytes(bytes(range(256)) * 5000)
        two.parent.mkdir()
        os.link(one, two)
        assert os.stat(one).st_ino == os.stat(two).st_ino == os.stat(mount.backing / "one").st_ino
        assert os.stat(two).st_nlink == 2
        assert code_of(os.link, one, two) == code_of(create, two) == code_of(os.mkdir, one) == "EEXIST"
        with open(two, "rb") as file:
            one.unlink()
            two.unlink()
            assert os.fstat(file.fileno()).st_nlink == 0  # an open file remains
            assert file.read() == bytes(range(256)) * 5000
        assert code_of(os.stat, one) == code_of(open, two) == code_of(os.unlink, one) == "ENOENT"
        one.write_text("1")
        two.write_text("2")
        with open(two, "rb") as file:
            os.replace(one, two)
            assert (file.read(), two.read_text()) == (b"2", "1")
        for i in range(1000):
            create(mount.path / "d" / str(i))
        assert sorted(os.listdir(mount.path / "d")) == sorted(["two", *map(str, range(1000))])
        assert code_of(os.rmdir, mount.path / "d") == "ENOTEMPTY"
        os.utime(two, (1, 1))
        assert os.stat(two).st_mtime == 1
        with open(two, "a") as file:
            file.write("more")
        os.truncate(two, 3)
        assert two.read_text() == "1mo"
    assert os.listdir(mount.path) == []
    assert (mount.backing / "d" / "two").read_text() == "1mo"


def test_it_ends_though_a_file_is_open(tmp_path):
    with mounted(tmp_path) as mount:
        file = open(mount.path / "file", "w")  # noqa: SIM115
    file.write("x" * 100)
    with pytest.raises(OSError, match="not connected|Input/output"):
        file.flush()
    with pytest.raises(OSError, match="not connected|Input/output"):
        file.close()
    assert not os.path.ismount(mount.path)


@pytest.mark.parametrize("word", ["EIO", "ENOSPC", "EDQUOT", "ESTALE", "EROFS"])
def test_calls_fail_before_they_are_done(tmp_path, word):
    with mounted(tmp_path) as mount:
        file, other = mount.path / "file", mount.path / "other"
        create(file)
        mount.fail("link,rename,unlink,mkdir,create", word)
        assert code_of(os.link, file, other) == code_of(os.rename, file, other) == code_of(os.mkdir, other) == word
        assert code_of(os.unlink, file) == code_of(create, other) == word
        assert mount.heal() >= 5
        assert os.listdir(mount.path) == ["file"]
        assert code_of(os.link, file, other) == ""


def test_a_reply_is_lost_and_the_call_was_done(tmp_path):
    with mounted(tmp_path) as mount:
        a, b, c = (mount.path / name for name in "abc")
        create(a)
        for op, word in [*LOST_REPLIES.items(), ("create", "EIO")]:
            mount.fail(op, word, "after", length=1)
        assert code_of(os.link, a, b) == "EEXIST" and os.stat(b).st_nlink == 2
        assert code_of(os.rename, b, c) == "ENOENT" and c.exists() and not b.exists()
        assert code_of(os.mkdir, b) == "EEXIST" and b.is_dir()
        assert code_of(os.unlink, c) == "ENOENT" and not c.exists()
        assert code_of(create, c) == "EIO" and c.exists()
        assert mount.heal() == 5


def test_the_nth_call_on_some_paths_fails(tmp_path):
    with mounted(tmp_path) as mount:
        (mount.path / "locks").mkdir()
        mount.fail("create", "EIO", path="/locks/", at=2, length=2)
        codes = [code_of(create, mount.path / "locks" / str(i)) for i in range(5)]
        assert codes == ["", "EIO", "EIO", "", ""]
        assert [code_of(create, mount.path / str(i)) for i in range(3)] == [""] * 3


def test_chance_is_as_the_seed_says(tmp_path):
    def run(name, seed):
        with mounted(tmp_path, name, name + ".backing") as mount:
            mount.fail("mkdir", "EIO", chance=0.3, seed=seed)
            return [code_of(os.mkdir, mount.path / str(i)) for i in range(200)]

    one, again, other = run("one", 7), run("again", 7), run("other", 8)
    assert one == again != other
    assert 30 < Counter(one)["EIO"] < 90


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_program_is_killed_at_a_call(tmp_path, when):
    with mounted(tmp_path) as mount:
        mount.fail("mkdir", "KILL", when, at=3)
        code = "import os\nfor i in range(9): os.mkdir(str(i))"
        done = subprocess.run([sys.executable, "-c", code], cwd=mount.path, check=False, timeout=60)
        assert done.returncode == -9
        assert sorted(os.listdir(mount.path)) == (["0", "1"] if when == "before" else ["0", "1", "2"])


def test_names_are_stale_until_the_directory_is_opened(tmp_path):
    with mounted(tmp_path) as one, mounted(tmp_path, "two", names=600, attributes=600) as two:
        create(one.path / "old")
        assert code_of(os.stat, two.path / "new") == "ENOENT" and code_of(os.stat, two.path / "old") == ""
        create(one.path / "new")
        (one.path / "old").unlink()
        assert code_of(os.stat, two.path / "new") == "ENOENT" and code_of(os.stat, two.path / "old") == ""
        assert code_of(open, two.path / "new") == "ENOENT" and code_of(open, two.path / "old") == "ENOENT"
        assert code_of(create, two.path / "new") == "EEXIST"  # the server knows
        assert code_of(os.stat, two.path / "new") == ""
        create(one.path / "newer")
        assert code_of(os.stat, two.path / "newer") == ""  # never asked for
        create(one.path / "newest")
        assert os.listdir(two.path)
        assert code_of(os.stat, two.path / "newest") == ""


def test_attributes_are_stale_until_the_file_is_opened(tmp_path):
    with mounted(tmp_path) as one, mounted(tmp_path, "two", names=600, attributes=600) as two:
        create(one.path / "file")
        now = os.stat(two.path / "file").st_mtime
        os.utime(one.path / "file", (1, 1))
        assert os.stat(two.path / "file").st_mtime == now
        with open(two.path / "file") as file:
            assert os.fstat(file.fileno()).st_mtime == 1
        assert os.stat(two.path / "file").st_mtime == 1


def test_a_change_within_a_tick_is_not_seen_even_then(tmp_path):
    hour = 3_600_000
    with mounted(tmp_path) as one, mounted(tmp_path, "two", names=600, stamp=hour) as two:
        (one.path / "d").mkdir()
        file = two.path / "d" / "file"
        assert os.listdir(two.path / "d") == [] and code_of(os.stat, file) == "ENOENT"
        create(one.path / "d" / "file")
        assert os.listdir(two.path / "d") == [] and code_of(os.stat, file) == "ENOENT"
        os.utime(one.path / "d", (time.time() + hour, time.time() + hour))
        assert os.listdir(two.path / "d") == ["file"] and code_of(os.stat, file) == ""


def write(path, text):
    path.write_text(text)
    sync(path)


def test_what_a_power_cut_leaves(tmp_path):
    (tmp_path / "backing").mkdir()
    (tmp_path / "backing" / "old").write_text("old")
    disk = Disk(tmp_path / "backing")
    with mounted(tmp_path) as mount:
        write(mount.path / "safe", "safe")
        write(mount.path / "moved", "moved")
        (mount.path / "d").mkdir()
        os.replace(mount.path / "moved", mount.path / "d" / "to")
        sync(mount.path / "d")
        os.link(mount.path / "safe", mount.path / "link")
        sync(mount.path)
        write(mount.path / "nameless", "nameless")
        (mount.path / "link").unlink()
        (mount.path / "safe").write_text("changed")
        (mount.path / "old").unlink()
        for call in mount.calls_so_far():
            disk.do(call)
    ways = []
    for seed in range(80):
        where = tmp_path / f"left-{seed}"
        disk.cut(random.Random(seed), where)
        ways.append({str(p.relative_to(where)): p.read_text("latin-1") for p in where.rglob("*") if p.is_file()})
    assert {way.get("d/to") for way in ways} == {"moved"}
    assert not any("moved" in way for way in ways)
    assert {way.get("nameless") for way in ways} == {None, "nameless"}
    assert {way.get("link", way["safe"]) == way["safe"] for way in ways} == {True}  # one file still
    assert {"link" in way for way in ways} == {"old" in way for way in ways} == {True, False}
    assert {way["safe"] for way in ways} >= {"safe", "", "changed", "cha"}


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_small_file_system_fills_up(tmp_path, kind):
    with small(tmp_path, kind) as path, pytest.raises(OSError, match="No space left"):
        (path / "large").write_bytes(bytes(20 << 20))
    assert list(path.iterdir()) == []
