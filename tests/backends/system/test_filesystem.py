"""The store reaches files through its FileSystem alone (the contract suite on MemoryFS shows it too)."""

import ast
import os
import pickle
import sys
from pathlib import Path

import pytest
from memory_fs import NoWatchdog, on
from recorder import Recorder

import jug.backends
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem, read_all, write_all

SOURCES = Path(jug.backends.__file__).parent
CLOSED_TO = {"os", "shutil", "pathlib", "tempfile", "glob", "socket", "subprocess", "mmap"}
PARTS = [
    *sorted(str(path.relative_to(SOURCES)) for path in (SOURCES / "file").rglob("*.py") if path.stem != "settled"),
    *("dict_store.py", "file_store.py", "system/atomic.py", "system/retry.py", "result_bytes/result_file.py"),
]
# (`settled` asks only whether a path is a relative one.)
# What the file system object itself is made of, and the process that it does not start.
INSIDE = [str(SOURCES / name) for name in ("system/filesystem.py", "system/proc.py", "watchdog/process.py")]


class Alone(FileSystem):
    """Without the process that looks after what is held: a hundred of these in a test take their time."""

    def start_watchdog(self, charge):
        return NoWatchdog()


class AloneAndKilled(Alone, Recorder):
    pass


@pytest.mark.parametrize("part", PARTS)
def test_only_the_file_system_object_makes_system_calls(part):
    tree = ast.parse((SOURCES / part).read_text())
    typing_only = {id(inner) for node in tree.body if isinstance(node, ast.If) for inner in ast.walk(node)}
    imported = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(node.module.partition(".")[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "open", f"{part}, line {node.lineno}"
    assert not imported & CLOSED_TO


def test_no_file_is_touched_behind_the_recorder(tmp_path, names):
    """Python reports what it asks the system for; each of it must come out of the file system object."""
    outside = []

    def audit(event, args):
        if watching and event.startswith(("open", "os.")) and any(str(tmp_path) in str(arg) for arg in args):
            frame = sys._getframe(1)
            if frame.f_code.co_filename not in INSIDE:
                outside.append((event, frame.f_code.co_filename))

    watching = True
    sys.addaudithook(audit)
    store = file_store(tmp_path / "jugdir", fs=Recorder())
    lock = store.getlock(names[0])
    lock.get()
    lock.fail()
    for name in names:
        store.dump(list(range(10_000)), name)
        store.load(name)
    list(store.list())
    store.lock_states()
    store.pack()
    store.remove(names[0])
    store.cleanup([])
    file_store.remove_store(str(tmp_path / "jugdir"))
    watching = False
    assert outside == []


def calls_of(store, step):
    before = len(store._fs.calls)
    step()
    return [call for call in store._fs.calls[before:] if call not in ("pid", "host", "token", "now")]


def test_how_many_calls_the_usual_operations_make(tmp_path, names):
    store = file_store(tmp_path, fs=Recorder())
    first, lock = store.getlock(names[0]), store.getlock(names[0])
    first.get()
    store.dump(1, names[0])
    first.release()
    assert calls_of(store, lock.get) == ["link"]
    assert calls_of(store, lambda: store.dump(2, names[0])) == [
        *("stat", "open_excl", "write", "fsync", "fstat", "close", "rename"),
        *("open_dir", "fsync", "close", "stat"),
    ]
    assert calls_of(store, lambda: store.dump_locked(3, names[1], lock)) == [
        *("mkdir", "links", "open_dir", "fsync", "close", "open_excl", "write", "fsync", "fstat", "close"),
        *("stat", "stat", "link", "unlink", "open_dir", "fsync", "close"),
    ]
    assert calls_of(store, lock.release) == ["stat", "unlink"]
    assert calls_of(store, lambda: store.load(names[0])) == ["stat", "open_read", "read", "close"]
    assert calls_of(store, lambda: store.can_load(names[0])) == ["stat"]
    assert calls_of(store, lambda: store.can_load(names[2])) == ["stat", "stat"]


def test_a_writer_killed_at_any_call_leaves_nothing_half_done(tmp_path, name):
    value, died = list(range(5_000)), True
    at = 0
    while died:
        jugdir = tmp_path / str(at)
        pid = os.fork()
        if pid == 0:
            file_store(jugdir, **on(AloneAndKilled(kill_before=at))).dump(value, name)
            os._exit(0)
        died = os.waitpid(pid, 0)[1] != 0
        store = file_store(jugdir, **on(Alone()))
        found = list(store.list())
        assert store.can_load(name) == (found == [name])
        assert not found or store.load(name) == value
        store.dump("after", name)
        assert store.load(name) == "after"
        at += 1
    assert at > 10


def test_a_packer_killed_at_any_call_leaves_nothing_half_done(tmp_path, names):
    names = names[:4]
    at, died = 0, True
    while died:
        jugdir = tmp_path / str(at)
        for name in names:
            file_store(jugdir, **on(Alone())).dump("old", name)
        file_store(jugdir, **on(Alone())).pack()
        for name in names[:2]:
            file_store(jugdir, **on(Alone())).dump("new", name)
        pid = os.fork()
        if pid == 0:
            file_store(jugdir, **on(AloneAndKilled(kill_before=at))).pack()
            os._exit(0)
        died = os.waitpid(pid, 0)[1] != 0
        store = file_store(jugdir, **on(Impatient()))
        assert sorted(store.list()) == sorted(names)
        assert [store.load(name) for name in names] == ["new", "new", "old", "old"]
        assert store.remove(names[0])
        store.pack()
        assert sorted(file_store(jugdir, **on(Alone())).list()) == sorted(names[1:])
        assert not [name for name in os.listdir(jugdir / "tempfiles") if not name.startswith(("r-", "w-"))]
        at += 1
    assert at > 50


class Impatient(Alone):
    """For whom time flies while it waits."""

    def __init__(self):
        self.slept = 0.0

    def monotonic(self):
        return super().monotonic() + self.slept

    def sleep(self, seconds):
        self.slept += 10


def test_writing_goes_on_where_the_system_stopped(tmp_path):
    class Slow(FileSystem):
        def write(self, fd, data):
            return super().write(fd, data[:3])

    fs = Slow()
    fd = fs.open_excl(str(tmp_path / "file"))
    write_all(fs, fd, b"0123456789")
    fs.close(fd)
    fd = fs.open_read(str(tmp_path / "file"))
    assert fs.read(fd, 2) == b"01"
    assert read_all(fs, fd, b"01") == b"0123456789"
    fs.close(fd)


@pytest.mark.parametrize("failing", ["open_excl", "write", "fsync", "close", "rename"])
def test_an_error_while_writing_leaves_the_old_result_and_no_temporary_file(tmp_path, name, failing):
    file_store(tmp_path).dump("old", name)

    class Broken(FileSystem):
        pass

    def fail(self, *args):
        if failing == "close":
            FileSystem.close(self, *args)
        raise OSError(5, "Input/output error")

    store = file_store(tmp_path, fs=Broken())
    store._dir._durable.add(name[:2].decode())
    store._dir.owner_file()
    setattr(Broken, failing, fail)
    with pytest.raises(Exception, match="write .*Input/output error") as error:
        store.dump("new", name)
    assert isinstance(error.value.__cause__, OSError)
    assert file_store(tmp_path).load(name) == "old"
    assert [name for name in os.listdir(tmp_path / "tempfiles") if name[:2] != "w-"] == []


def test_an_encoded_object_is_made_before_any_file_is(tmp_path, name):
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        file_store(tmp_path / "jugdir").dump(lambda: 0, name)
    assert not (tmp_path / "jugdir").exists()
