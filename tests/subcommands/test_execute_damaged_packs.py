"""Damaged packs, and damaged entries in them: told, set aside, and what was lost is computed again."""

import random
import re

import pytest
from processes import jug, write

from jug.backends.file.pack.pack_format import Packed, _encoded, read_pack

SEED = 11
COPIES = 200

JUGFILE = """
    from jug import TaskGenerator

    @TaskGenerator
    def make(n):
        with open("made.txt", "a") as log:
            print(n, file=log)
        KIND

    @TaskGenerator
    def use(n, made):
        assert CHECK, (n, made)
        return n

    made = [make(n) for n in range(COPIES)]
    used = [use(n, each) for n, each in enumerate(made)]
"""
KINDS = {
    "pickle": ("return {'n': n, 'text': str(n) * 9}", "made == {'n': n, 'text': str(n) * 9}"),
    "none": ("return None", "made is None"),
    "npy": (
        "import numpy; return numpy.full(20, n)",
        "made.shape == (20,) and (made == n).all()",
    ),
}
WAYS = ["emptied", "one byte", "half", "nearly whole", "flipped", "flipped at the end", "foreign", "zeros"]


def damaged(whole, way):
    chance = random.Random(f"{SEED} {way}")
    if way == "emptied":
        return b""
    if way == "foreign":
        return b"\x89PNG\r\n\x1a\n" + bytes(100)
    if way == "zeros":
        return bytes(len(whole))
    if way.startswith("flipped"):
        at = len(whole) - 2 if way.endswith("end") else chance.randrange(100, len(whole) - 100)
        return whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :]
    return whole[: {"one byte": 1, "half": len(whole) // 2, "nearly whole": len(whole) - 1}[way]]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A function: by kind, the files of a jugdir in which the results of all `make` are packed, and `use` is to run."""
    made = {}

    def packed_of(kind):
        if kind == "npy":
            pytest.importorskip("numpy")
        if kind not in made:
            where = made[kind] = tmp_path_factory.mktemp(kind)
            result, check = KINDS[kind]
            source = JUGFILE.replace("KIND", result).replace("CHECK", check).replace("COPIES", str(COPIES))
            write(where, source)
            assert jug(where, "execute", "--name", "make").code == 0
            assert jug(where, "pack").out == f"Packed {COPIES} objects\n"
            (where / "made.txt").write_text("")
        return made[kind]

    return packed_of


@pytest.fixture
def copy(packed, tmp_path):
    def copied(kind):
        import shutil

        return shutil.copytree(packed(kind), tmp_path / "copy")

    return copied


def made_again(where):
    return sorted(map(int, (where / "made.txt").read_text().split()))


def assert_complete(where):
    assert jug(where, "check").code == 0
    done = jug(where, "check", "--verify")
    assert (done.code, done.out) == (0, f"{2 * COPIES} results: {2 * COPIES} whole.\n")
    assert list((where / "jugfile.jugdata" / "locks").iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_pack_is_told_set_aside_and_costs_what_cannot_be_saved(copy, kind, way):
    where = copy(kind)
    pack = where / "jugfile.jugdata/packs/jugpack"
    data = damaged(pack.read_bytes(), way)
    pack.write_bytes(data)

    looked = jug(where, "status")
    assert re.match(
        rf"jug: warning: The pack {pack} is damaged: .*; \d+ results? in it can still be read\n", looked.err
    )
    assert pack.read_bytes() == data and not (where / "jugfile.jugdata/corrupt").exists()
    kept = int(re.search(r"(\d+) results? in it", looked.err)[1])
    assert looked.table()["jugfile.make"]["Finished"] == kept

    done = jug(where, "execute")

    assert done.code == 0, done
    (aside,) = (where / "jugfile.jugdata/corrupt").iterdir()
    assert f"The damaged pack {pack} was moved to {aside}; {kept} result" in done.err
    assert aside.read_bytes() == data
    assert len(made_again(where)) == COPIES - kept
    if way in ("nearly whole", "flipped at the end"):
        assert kept == COPIES
    assert_complete(where)


def damage_entries(where):
    """Damage some entries of a pack that is whole by its own checksum; returns what they are now by name."""
    pack = where / "jugfile.jugdata/packs/jugpack"
    entries = read_pack(pack.read_bytes())
    done = {}
    ways = [
        lambda data: b"",
        lambda data: b"foreign",
        lambda data: data[:-1],
        lambda data: data[:-40],
        lambda data: data[:3] + bytes([data[3] ^ 4]) + data[4:],
        lambda data: data[:-31] + bytes([data[-31] ^ 1]) + data[-30:],
        lambda data: bytes(entries[min(entries)]),  # the whole result of another task
    ]
    for name, way in zip(sorted(entries)[1:], ways, strict=False):
        entries[name] = done[name] = Packed(way(bytes(entries[name])))
    pack.write_bytes(_encoded(entries))
    return done


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_entries_of_a_whole_pack_are_told_set_aside_and_computed_again(copy, kind):
    where = copy(kind)
    done = damage_entries(where)
    verified = jug(where, "check", "--verify")
    assert verified.code == 1 and f"{len(done)} damaged" in verified.out
    for name in done:
        assert re.search(rf"packs/jugpack \(jugfile\.make\(.*\), task {name.decode()}\) is damaged: ", verified.out)

    ended = jug(where, "execute")

    assert ended.code == 0, ended
    assert len(made_again(where)) == len(done)
    for name, data in done.items():
        (aside,) = (where / "jugfile.jugdata/corrupt").glob(f"{name.decode()}.*")
        assert aside.read_bytes() == data
        assert f"The result {name.decode()} in " in ended.err and str(aside) in ended.err
    assert_complete(where)
