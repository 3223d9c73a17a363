"""Results are pickles, which run what they hold: whoever does not ask for a result's value never unpickles it."""

import os

import pytest
from processes import jug, write

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


@pytest.mark.parametrize("kind", KINDS)
def test_no_command_unpickles_results(tmp_path, kind):
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute").code == 0
    KINDS[kind](file_store(tmp_path / "jugfile.jugdata"))
    write(tmp_path, JUGFILE + DEPENDENT)
    for command in COMMANDS:
        done = jug(tmp_path, *command)
        assert "Traceback" not in done.err and "Warning" not in done.err, done
        assert not (tmp_path / "snapped").exists(), command
        if command == ["status"]:
            assert done.table()["jugfile.trap"]["Finished"] == 3
    assert list(file_store(tmp_path / "jugfile.jugdata").list()) == []


def test_the_trap_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = file_store(tmp_path / "there")
    store.dump(Trap(), b"a" * 40)
    store.load(b"a" * 40)
    assert (tmp_path / "snapped").is_dir()
