"""Files that are changed after they were made: others who can write to the jugdir may have replaced them meanwhile."""

import os
import shutil
from pathlib import Path

import pytest

from jug.backends.file.owner.holder import this_process
from jug.backends.file.owner.owner_file import OwnerFile
from jug.backends.file.prefetch.watch_duty import Watchdog
from jug.backends.system.filesystem import FileSystem, set_time, touch_directory
from jug.backends.watchdog.process import BEATS, Charge

LONG_AGO = 10**18
REFUSED = "It is not the file that was made|Too many levels|Is a directory|Not a directory|No such device"


@pytest.fixture
def victim(tmp_path):
    """A file that nobody wants to be changed."""
    path = tmp_path / "victim"
    path.write_bytes(b"A" * 1000)
    return path


@pytest.fixture
def owner(tmp_path):
    (tmp_path / "jugdir" / "tempfiles").mkdir(parents=True)
    (tmp_path / "jugdir" / "locks").mkdir()
    holder = this_process(FileSystem(), 300.0)
    owner = OwnerFile(FileSystem(), str(tmp_path / "jugdir"), holder.worker)
    owner.create(holder)
    yield owner
    owner.leave()


def link(path, victim):
    os.symlink(victim, path)


def hard_link(path, victim):
    os.link(victim, path)


def link_to_link(path, victim):
    os.symlink(victim, f"{victim}-2")
    os.symlink(f"{victim}-2", path)


def pipe(path, victim):
    os.mkfifo(path)


def directory(path, victim):
    os.mkdir(path)


def device(path, victim):
    os.symlink("/dev/tty", path)


def another_file(path, victim):
    shutil.copy(victim, path)


def copy_of_ours(path, victim):
    """With every word of ours, and another file."""
    os.rename(path + ".away", victim)
    shutil.copy(victim, path)


def link_to_folder(path, victim):
    """The whole directory of it is another one."""
    above = os.path.dirname(path)
    os.rename(above, above + "-away")
    os.mkdir(f"{victim}-folder")
    os.link(victim, f"{victim}-folder/{os.path.basename(path)}")
    os.symlink(f"{victim}-folder", above)


TRICKS = [link, hard_link, link_to_link, pipe, directory, device, another_file, copy_of_ours, link_to_folder]


def replace(path, trick, victim):
    os.rename(path, path + ".away")
    trick(path, victim)
    os.utime(victim, ns=(LONG_AGO, LONG_AGO))
    return victim.read_bytes()


def is_unchanged(victim, content):
    return victim.read_bytes() == content and victim.stat().st_mtime_ns == LONG_AGO


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("act", [lambda owner: owner.note(b"RUNS\n"), OwnerFile.touch], ids=["note", "sign of life"])
def test_an_owner_file_is_changed_only_if_it_is_the_one_that_was_made(owner, victim, trick, act):
    act(owner)
    content = replace(owner.path, trick, victim)
    with pytest.raises(OSError, match=REFUSED):
        act(owner)
    assert is_unchanged(victim, content)


@pytest.mark.parametrize("trick", [trick for trick in TRICKS if trick is not copy_of_ours])
def test_so_is_a_lock_that_is_a_file_of_its_own(owner, victim, trick):
    owner.has_links = False
    lock = owner.lock("a" * 40)
    assert owner.claim(lock)
    os.utime(lock, ns=(LONG_AGO, LONG_AGO))
    owner.touch("a" * 40)
    assert os.stat(lock).st_mtime_ns > LONG_AGO
    content = replace(lock, trick, victim)
    with pytest.raises(OSError, match=REFUSED):
        owner.touch("a" * 40)
    assert is_unchanged(victim, content)


@pytest.mark.parametrize("trick", [link, hard_link, link_to_link, pipe, directory, device, link_to_folder])
def test_a_new_file_gets_its_time_only_if_it_is_no_link(tmp_path, victim, trick):
    path = str(tmp_path / "folder" / "new")
    os.mkdir(tmp_path / "folder")
    Path(path).touch()
    set_time(FileSystem(), path, 1)
    assert os.stat(path).st_mtime == 1
    content = replace(path, trick, victim)
    with pytest.raises(OSError, match=REFUSED):
        set_time(FileSystem(), path, 2)
    assert is_unchanged(victim, content)


def test_the_time_of_a_directory_moves_on_but_not_through_a_link(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").symlink_to("one")
    os.utime(tmp_path / "one", ns=(LONG_AGO, LONG_AGO))
    with pytest.raises(OSError, match=REFUSED):
        touch_directory(FileSystem(), str(tmp_path / "other"))
    assert (tmp_path / "one").stat().st_mtime_ns == LONG_AGO
    touch_directory(FileSystem(), str(tmp_path / "other"), follow=True)  # what the user has made a link
    assert (tmp_path / "one").stat().st_mtime_ns > LONG_AGO


class Hasty(FileSystem):
    """At each look at the clock, it is time for a sign of life."""

    def __init__(self):
        self._now = 0.0

    def monotonic(self):
        self._now += 300.0 / BEATS
        return self._now

    def sleep(self, seconds):
        pass


class Shown:
    """What a worker shows that has been running something for long."""

    def running(self):
        return b"a" * 40, 1e9

    def state(self):
        return 0, 0

    ahead = state


class Line:
    """The line to a worker that is silent for some ticks, before each of which something is done; then it has ended."""

    def __init__(self, *steps):
        self.mirror = Shown()
        self._steps = list(steps)

    def listen(self, seconds):
        if not self._steps:
            return None
        self._steps.pop(0)()
        return []

    def is_stopped(self):
        return False


def nothing():
    pass


# (At its end it also reads the file, for which it waits at a pipe.)
@pytest.mark.parametrize("trick", [trick for trick in TRICKS if trick not in (link_to_folder, pipe)])
def test_a_watchdog_changes_no_file_but_its_workers(owner, victim, trick):
    content = []

    def attack():
        content.append(replace(owner.path, trick, victim))

    charge = Charge.of(Charge(owner, os.getpid(), 300.0).words())
    Watchdog(Hasty(), charge, Line(attack, nothing, nothing, nothing, nothing)).run()
    assert is_unchanged(victim, *content)


def test_a_watchdog_notes_what_its_worker_runs_and_gives_signs_of_life(owner):
    seen = []

    def look():
        seen.append((Path(owner.path).read_bytes()[len(owner.text) :], os.stat(owner.path).st_mtime_ns))
        os.utime(owner.path, ns=(LONG_AGO, LONG_AGO))

    charge = Charge.of(Charge(owner, os.getpid(), 300.0).words())
    Watchdog(Hasty(), charge, Line(look, nothing, look, look)).run()
    assert seen[0][0] == b"" and seen[1][0].startswith(b"RUNS " + b"a" * 40 + b" SINCE 1000000000")
    assert seen[1][1] > LONG_AGO and seen[2][1] > LONG_AGO
