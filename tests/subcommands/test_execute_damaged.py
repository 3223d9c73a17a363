"""Damaged results are reported, set aside and computed again by ``jug execute``."""

import random
import re
from pathlib import Path

import pytest
from processes import jug, python, write

from jug.backends.file.pack.pack_format import Packed, _encoded, read_pack
from jug.backends.file_store import file_store

SEAL = 31
COPIES = 24

JUGFILE = """
    from jug import TaskGenerator

    @TaskGenerator
    def make(kind, n):
        with open("made.txt", "a") as log:
            print(kind, n, file=log)
        if kind == "none":
            return None
        if kind == "pickle":
            return [n] * 30
        if kind == "parquet":
            import polars
            return polars.DataFrame({"a": [n] * 30})
        import numpy as np
        return np.full(200_000 if kind == "large" else 30, float(n))

    @TaskGenerator
    def use(kind, n, made):
        if kind == "none":
            assert made is None
        elif kind == "pickle":
            assert made == [n] * 30
        elif kind == "parquet":
            assert made["a"].to_list() == [n] * 30
        else:
            assert (made == n).all() and made.shape == ((200_000 if kind == "large" else 30),)
        return n

    made = [make(KIND, n) for n in range(COPIES)]
    used = [use(KIND, n, each) for n, each in enumerate(made)]
"""


def damages(whole, chance):
    """What may become of the bytes of a file, one after the other."""
    yield b""
    yield b"something else"
    yield bytes(len(whole))
    for length in (1, 6, len(whole) // 3, len(whole) - SEAL - 1, len(whole) - SEAL + 1, len(whole) - 1):
        yield whole[:length]
    for at in (0, 5, 10, len(whole) - SEAL, len(whole) - SEAL + 8, len(whole) - 1):
        yield flipped(whole, at, chance)
    while True:
        yield flipped(whole, chance.randrange(len(whole)), chance)


def flipped(whole, at, chance):
    data = bytearray(whole)
    data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def damage_all_made(where):
    """Damages each result of `make`, in another way each; returns {path: what it holds now}."""
    tasks = re.findall(r"^(\w+) ([0-9a-f]{40})$", (where / "hashes.txt").read_text(), re.MULTILINE)
    chance = random.Random(6)
    done = {}
    for number, (_, digest) in enumerate(tasks):
        path = where / "jugfile.jugdata" / digest[:2] / digest[2:]
        ways = damages(path.read_bytes(), chance)
        for _ in range(number + 1):
            data = next(ways)
        path.write_bytes(data)
        done[path] = data
    return done


@pytest.mark.parametrize("kind", ["pickle", "none", "npy", "large", "parquet"])
def test_each_is_reported_set_aside_and_computed_again(tmp_path, kind):
    if kind in ("npy", "large"):
        pytest.importorskip("numpy")
    if kind == "parquet":
        pytest.importorskip("polars")
    source = JUGFILE.replace("KIND", repr(kind)).replace("COPIES", str(COPIES))
    source += """
    with open("hashes.txt", "w") as out:
        for each in made:
            print("make", each.hash().decode(), file=out)
"""
    write(tmp_path, source)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    assert jug(tmp_path, "invalidate", "--target", "use").code == 0
    damaged = damage_all_made(tmp_path)
    (tmp_path / "made.txt").unlink()

    done = jug(tmp_path, "execute")

    assert done.code == 0, done
    made = (tmp_path / "made.txt").read_text().splitlines()
    assert sorted(made) == sorted(f"{kind} {n}" for n in range(COPIES))
    reports = [line for line in done.err.splitlines() if line.startswith("jug: The result ")]
    assert len(reports) == COPIES
    for path, data in damaged.items():
        (line,) = (line for line in reports if str(path) in line)
        digest = path.parent.name + path.name
        assert f"{path} is damaged: " in line and f"(task {digest}) is to run again" in line
        (aside,) = (tmp_path / "jugfile.jugdata" / "corrupt").glob(f"{digest}.*")
        assert str(aside) in line and aside.read_bytes() == data
    assert jug(tmp_path, "check").code == 0
    assert list(Path(tmp_path, "jugfile.jugdata", "locks").iterdir()) == []


CHAIN = """
    from jug import TaskGenerator

    @TaskGenerator
    def make():
        return [1, 2]

    @TaskGenerator
    def use(made):
        return sum(made)

    made = make()
    used = use(made)
"""


@pytest.fixture
def chain(tmp_path):
    """A finished `make` whose result is damaged, and a `use` to be run."""
    write(tmp_path, CHAIN)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    assert jug(tmp_path, "invalidate", "--target", "use").code == 0
    (name,) = file_store(tmp_path / "jugfile.jugdata").list()
    path = tmp_path / "jugfile.jugdata" / name[:2].decode() / name[2:].decode()
    path.write_bytes(path.read_bytes()[:-1])
    return path


def test_a_script_that_asks_for_the_value_is_told_and_moves_nothing(chain, tmp_path):
    write(
        tmp_path,
        """
        import jug
        from jug import value
        jug.init("jugfile.py", "jugfile.jugdata")
        import jugfile
        value(jugfile.made)
        """,
        "script.py",
    )
    done = python(tmp_path, "script.py")
    assert done.code == 1 and "DamagedResultError" in done.last and str(chain) in done.last
    assert chain.exists() and not (tmp_path / "jugfile.jugdata" / "corrupt").exists()


ASKING = """
    from jug import TaskGenerator, bvalue

    @TaskGenerator
    def make(n):
        return [n] * 3

    first = bvalue(make(1))
    second = make(sum(first))
    third = make(sum(bvalue(second)))
"""


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_result_that_the_jugfile_asks_for_is_set_aside_and_computed_again_too(tmp_path, is_packed):
    write(tmp_path, ASKING)
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    store = file_store(tmp_path / "jugfile.jugdata")
    names = sorted(store.list())
    if is_packed:
        store.pack()
        pack = Path(store._packs.path)
        entries = read_pack(pack.read_bytes())
        pack.write_bytes(_encoded({name: Packed(bytes(entry)[:-1]) for name, entry in entries.items()}))
    else:
        for name in names:
            Path(store._dir.result(name)).write_bytes(b"")
    for looks in ("status", "check"):
        done = jug(tmp_path, looks)
        assert done.code == 4 and "is damaged: " in done.last
    done = jug(tmp_path, "execute")
    assert done.code == 0, done
    assert len(re.findall("^jug: The result .* is damaged: .* is to run again", done.err, re.MULTILINE)) == 2, done
    aside = [path.name[:40].encode() for path in (tmp_path / "jugfile.jugdata/corrupt").iterdir()]
    assert len(aside) == 2 and set(aside) < set(names)
    assert jug(tmp_path, "check").code == 0


def test_what_looks_only_sees_a_finished_task(chain, tmp_path):
    assert jug(tmp_path, "status").table()["jugfile.make"]["Finished"] == 1
    assert chain.exists()


def test_cleanup_keeps_what_was_set_aside(chain, tmp_path):
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    assert jug(tmp_path, "cleanup").code == 0
    assert len(list((tmp_path / "jugfile.jugdata" / "corrupt").iterdir())) == 1
