import os

import pytest
from processes import files_in, jug, start, start_python, use, wait_for_file, write

from jug.backends.file_store import file_store

JUGFILE = """
from jug import TaskGenerator

class Point:
    def __init__(self, x):
        self.x = x

@TaskGenerator
def point(x):
    return Point(x)

@TaskGenerator
def long(x):
    return bytes(range(256)) * x, __import__('random').Random(x).randbytes(600)

@TaskGenerator
def total(points, _):
    return sum(p.x for p in points)

points = [point(i) for i in range(20)]
total(points, [long(i) for i in range(3)])
"""


@pytest.fixture
def executed(tmp_path):
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    return tmp_path


def results(where):
    return [path for path in files_in(where) if len(os.path.basename(path)) == 38]


def test_small_results_become_one_file(executed):
    done = jug(executed, "pack")
    assert (done.code, done.out, done.err) == (0, "Packed 21 objects\n", "")
    assert len(results(executed)) == 3
    assert "jugfile.jugdata/packs/jugpack" in files_in(executed)
    assert jug(executed, "check").code == 0
    assert jug(executed, "pack").out == "Packed 0 objects\n"


def test_packed_results_are_used_invalidated_and_computed_again(executed):
    jug(executed, "pack")
    assert jug(executed, "execute").table()["jugfile.point"]["Loaded"] == 20
    assert jug(executed, "invalidate", "--name", "total").code == 0
    done = jug(executed, "execute")
    assert done.table()["jugfile.total"]["Executed"] == 1
    assert jug(executed, "pack").out == "Packed 1 object\n"
    write(executed, JUGFILE.replace("range(20)", "range(10)"))
    assert jug(executed, "cleanup").out.startswith("Removed 11 objects\n")
    assert len(list(file_store(executed / "jugfile.jugdata").list())) == 13


def test_where_there_is_nothing(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "pack")
    assert (done.code, done.out) == (0, "Packed 0 objects\n")


def test_a_jugdir_that_the_jugfile_chooses_is_packed(tmp_path):
    write(tmp_path, "import jug\njug.set_jugdir('mine')\n" + JUGFILE)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    assert jug(tmp_path, "pack").out == "Packed 21 objects\n"
    assert (tmp_path / "mine/packs/jugpack").exists()


def test_a_store_that_cannot_be_packed(executed):
    done = jug(executed, "pack", "--jugdir", "dict_store:kept")
    assert (done.code, done.out) == (2, "")
    assert done.last == "jug: Cannot pack this store (only jugdata directories can be packed)"


def test_files_that_cannot_be_read_are_told(executed):
    path = executed / results(executed)[0]
    path.write_bytes(b"x" * 100)
    done = jug(executed, "pack")
    assert done.code == 0
    assert f"1 file of at most 512 bytes was left as it is, since it is damaged or cannot be read ({path})" in done.err


def test_a_damaged_pack_is_said_and_set_aside_by_the_worker_that_computes_its_results_again(executed):
    jug(executed, "pack")
    pack = executed / "jugfile.jugdata/packs/jugpack"
    pack.write_bytes(b"x")
    assert jug(executed, "status").err.startswith(f"jug: warning: The pack {pack} is damaged: ")
    done = jug(executed, "execute")
    assert done.code == 0
    (aside,) = (executed / "jugfile.jugdata/corrupt").iterdir()
    assert f"The damaged pack {pack} was moved to {aside}; 0 results of it kept" in done.err
    assert aside.read_bytes() == b"x"
    done = jug(executed, "pack")
    assert (done.code, done.out, done.err) == (0, "Packed 21 objects\n", "")


def test_a_keepalive_store_in_a_directory_named_after_the_jugfile(executed):
    options = ("--jugdir", "file_keepalive:%(jugfile)s.jugdata")
    assert jug(executed, "check", *options).code == 0
    assert jug(executed, "pack", *options).out == "Packed 21 objects\n"
    assert jug(executed, "invalidate", "--name", "total", *options).code == 0
    assert jug(executed, "execute", *options).table()["jugfile.total"]["Executed"] == 1
    assert jug(executed, "cleanup", *options).code == 0


WORK = """
import os
from jug import TaskGenerator

@TaskGenerator
def first(x):
    return x

@TaskGenerator
def second(x, generation):
    return x * 10

@TaskGenerator
def last(xs):
    return sum(xs)

last([second(first(i), 0) for i in range(150)])
"""


def test_packing_all_the_time_while_workers_work_and_others_invalidate_and_clean_up(tmp_path):
    write(tmp_path, WORK)
    loop = """
        import sys
        from jug.backends.file_store import file_store
        from pathlib import Path
        packed = 0
        while not Path('stop').exists():
            packed += file_store('jugfile.jugdata').pack().packed
            Path('packing').touch()
        print(packed)
    """
    write(tmp_path, loop, "pack.py")
    packers = [start_python(tmp_path, "pack.py") for _ in range(2)]
    wait_for_file(tmp_path / "packing", alive=packers[0])
    for name in ("last", "second", "first"):
        workers = [start(tmp_path, "execute", "--wait-cycle-time", "0.1") for _ in range(2)]
        for worker in workers:
            done = worker.wait()
            assert done.code == 0, done
        assert jug(tmp_path, "check").code == 0
        assert jug(tmp_path, "cleanup", "--keep-locks").out == "Removed 0 objects\n"
        assert jug(tmp_path, "invalidate", "--name", name).code == 0
        left = {"last": 300, "second": 150, "first": 0}[name]
        assert len(list(file_store(tmp_path / "jugfile.jugdata").list())) == left
    assert jug(tmp_path, "execute").code == 0
    packers[0].kill()
    (tmp_path / "stop").touch()
    done = packers[1].wait()
    assert done.code == 0, done
    assert jug(tmp_path, "check").code == 0
    store = file_store(tmp_path / "jugfile.jugdata")
    assert len(list(store.list())) == 301
    assert sum(1 for name in store.list() if store.load(name) == sum(range(150)) * 10) == 1
    assert jug(tmp_path, "pack").code == 0
    assert results(tmp_path) == []
    assert os.listdir(tmp_path / "jugfile.jugdata" / "locks") == []


def test_nothing_is_made_where_there_is_no_jugdir(tmp_path):
    write(tmp_path, "from jug import TaskGenerator\n\n@TaskGenerator\ndef f(x):\n    return x\n\nf(1)\n")
    packed = jug(tmp_path, "pack", "--jugdir", "mistyped")
    assert (packed.code, packed.out) == (0, "Packed 0 objects\n")
    assert not (tmp_path / "mistyped").exists()
