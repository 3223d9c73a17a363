"""Results are pickles, which run what they hold: whoever does not ask for a result's value never unpickles it."""

import os
import zlib

import pytest
from processes import jug, write
from redis_server import RedisServer
from watching import Watching

from jug.backends.encode import encode
from jug.backends.file_store import file_store

JUGFILE = """
import os
from jug import TaskGenerator

class Trap:
    def __reduce__(self):
        return os.mkdir, ("snapped",)

@TaskGenerator
def trap(x):
    return Trap()

@TaskGenerator
def after(x, deps):
    return x

deps = [trap(i) for i in range(3)]
"""
DEPENDENT = "last = after(1, deps)\n"


class Trap:
    def __reduce__(self):
        return os.mkdir, ("snapped",)


def as_of_old(store):
    """Pack the results as releases did that knew objects only."""
    names = list(store.list())
    store.remove_many(names)
    packs = store._dir.path("packs")
    os.mkdir(packs)
    with open(f"{packs}/jugpack", "wb") as stream:
        stream.write(encode({name: Trap() for name in names}))


KINDS = {"loose": lambda store: None, "packed": file_store.pack, "packed by an old release": as_of_old}
COMMANDS = [
    ["status"],
    ["status", "--workers"],
    ["status", "--cache"],
    ["check"],
    ["check", "--verify"],
    ["count"],
    ["graph", "--tasks"],
    ["cleanup", "--dry-run"],
    ["invalidate", "--dry-run", "--name", "trap"],
    ["pack"],
    ["invalidate", "--name", "after"],
    ["cleanup", "--force"],
    ["cleanup"],
    ["status"],
    ["invalidate", "--name", "trap"],
]


# Those that end only when all is finished, or never.
WATCHERS = [["sleep-until"], ["status", "--short"], ["check", "--hashes"]]


def snapped(where):
    return (where / "snapped").exists()


def no_command_unpickles(where, commands, *options):
    """Run them on three results, on which another task is made to depend at last."""
    for command in WATCHERS:
        done = jug(where, *command, *options)
        assert done.code == 0 and not snapped(where), (command, done)
    write(where, JUGFILE + DEPENDENT)
    for command in commands:
        done = jug(where, *command, *options)
        assert "Traceback" not in done.err and "Warning" not in done.err, done
        assert not snapped(where), command
        if command == ["status"]:
            assert done.table()["jugfile.trap"]["Finished"] == 3


@pytest.mark.parametrize("kind", KINDS)
def test_no_command_unpickles_results(tmp_path, kind):
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    KINDS[kind](file_store(tmp_path / "jugfile.jugdata"))
    no_command_unpickles(tmp_path, COMMANDS)
    assert list(file_store(tmp_path / "jugfile.jugdata").list()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_signing_unpickles_nothing(tmp_path, kind):
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    KINDS[kind](file_store(tmp_path / "jugfile.jugdata"))
    (tmp_path / "key").write_bytes(b"k" * 16)
    (tmp_path / "key").chmod(0o600)
    assert jug(tmp_path, "check", "--sign", "--sign-key", "key").out == "3 results signed.\n"
    assert jug(tmp_path, "check", "--verify", "--sign-key", "key").code == 0
    assert not snapped(tmp_path)


def test_no_command_unpickles_results_in_redis(tmp_path):
    server = RedisServer().start()
    try:
        write(tmp_path, JUGFILE)
        assert jug(tmp_path, "execute", "--jugdir", server.url).code == 0
        without = [command for command in COMMANDS if command not in (["pack"], ["check", "--verify"])]
        no_command_unpickles(tmp_path, without, "--jugdir", server.url)
        with Watching(tmp_path, "--jugdir", server.url) as watching:
            assert watching.status()["totals"]["finished"] == 0
        assert not snapped(tmp_path)
    finally:
        server.close()


@pytest.mark.parametrize("kind", KINDS)
def test_webstatus_unpickles_nothing(tmp_path, kind):
    pytest.importorskip("uvicorn")
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    KINDS[kind](file_store(tmp_path / "jugfile.jugdata"))
    with Watching(tmp_path, "--interval", "0.1") as watching:
        assert watching.until(lambda status: status["looks"] > 2)["totals"]["finished"] == 3
    assert not snapped(tmp_path)


RUNS_WHEN_READ = b"P\x80\x04}cos\nmkdir\n\x8c\x07snapped\x85R0."


@pytest.mark.parametrize("data", [RUNS_WHEN_READ, RUNS_WHEN_READ.replace(b"R0.", b"RC\x01as.")], ids=["aside", "value"])
def test_a_pack_that_runs_something_when_it_is_read_is_a_damaged_one(tmp_path, data):
    """Whoever can write to the jugdir would have it run by ``jug status``."""
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    (tmp_path / "jugfile.jugdata/packs").mkdir()
    pack = tmp_path / "jugfile.jugdata/packs/jugpack"
    pack.write_bytes(zlib.compress(data))
    for command in COMMANDS:
        done = jug(tmp_path, *command)
        assert "Traceback" not in done.err and not snapped(tmp_path), (command, done)


def test_the_trap_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = file_store(tmp_path / "there")
    store.dump(Trap(), b"a" * 40)
    store.load(b"a" * 40)
    assert (tmp_path / "snapped").is_dir()
