"""Damaged results, loose or packed, are reported and not returned, and several workers compute each once more."""

import random
from collections import Counter

import pytest
from processes import jug
from reporting import Run, expected

from jug.backends.file_store import file_store
from jug.errors import DamagedResultError

pytestmark = pytest.mark.faults

TASKS = 20
LARGE = {n for n in range(TASKS) if n % 5 == 2}  # these stay files


def flipped(whole, seed):
    data = bytearray(whole)
    at = random.Random(seed).randrange(len(data) * 8)
    data[at // 8] ^= 1 << at % 8
    return bytes(data)


DAMAGES = {
    "emptied": lambda whole: b"",
    "foreign": lambda whole: b"something else\n" * 20,
    "zeros": lambda whole: bytes(len(whole)),
    **{f"cut to {part}/8": lambda whole, part=part: whole[: len(whole) * part // 8] for part in (2, 4)},
    "cut by one": lambda whole: whole[:-1],
    **{f"bit flipped, seed {seed}": lambda whole, seed=seed: flipped(whole, seed) for seed in range(5)},
}
HOPELESS = ("emptied", "foreign", "zeros")


@pytest.fixture
def run(tmp_path):
    """A finished run, in which each result is a file."""
    run = Run(tmp_path, TASKS)
    assert run.start(TAKES="0.02").wait().code == 0
    return run


@pytest.fixture
def packed(tmp_path, run):
    """A finished run whose small results are packed."""
    assert jug(tmp_path, "pack", "--jugdir", run.jugdir, REPORTS=str(run.reports)).code == 0
    assert Counter(run.loose()) == Counter(LARGE)
    return run


def work(run):
    """Two workers do what is left; returns how they ended."""
    workers = [run.start(TAKES="0.02") for _ in range(2)]
    ended = [worker.wait() for worker in workers]
    for done in ended:
        assert (done.code, done.last) == (0, "jug: All tasks are finished."), done
    return ended


def file_of(run, n):
    name = run.names()[n].decode()
    return run.jugdir / name[:2] / name[2:]


@pytest.mark.parametrize("damage", ["emptied", "foreign", "zeros", "cut to 4/8", "cut by one", "bit flipped, seed 0"])
def test_a_damaged_result_that_two_workers_need_is_computed_once(run, damage):
    damaged, gone = (2, 7, 12), (8, 13, 18)  # each of the latter needs one of the former, and so do 7 and 12
    for n in damaged:
        path = file_of(run, n)
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    for n in gone:
        file_of(run, n).unlink()

    ended = work(run)

    assert all(sum(str(file_of(run, n)) in done.err for done in ended) >= 1 for n in damaged)
    assert run.said()[0] == {n: 2 if n in (*damaged, *gone) else 1 for n in range(TASKS)}
    store = file_store(run.jugdir)
    assert [store.load(name) for name in run.names()] == expected(TASKS)
    aside = {path.name.partition(".")[0] for path in (run.jugdir / "corrupt").iterdir()}
    assert aside == {run.names()[n].decode() for n in damaged}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_in_a_damaged_pack_is_computed_again(packed, damage):
    run = packed
    pack = run.jugdir / "packs" / "jugpack"
    whole = pack.read_bytes()
    pack.write_bytes(DAMAGES[damage](whole))

    ended = work(run)

    assert any(str(pack) in done.err for done in ended), "nobody said so"
    ran = run.said()[0]
    assert {n: ran[n] for n in LARGE} == dict.fromkeys(LARGE, 1)
    # What is whole in it may still be of use.
    assert {ran[n] for n in range(TASKS) if n not in LARGE} <= ({2} if damage in HOPELESS else {1, 2})
    store = file_store(run.jugdir)
    assert [store.load(name) for name in run.names()] == expected(TASKS)
    assert set(run.loose()) >= {n for n in range(TASKS) if ran[n] == 2}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_in_a_damaged_group_is_computed_again(tmp_path, damage):
    run = Run(tmp_path, TASKS)
    assert run.start().wait().code == 0
    groups = list((run.jugdir / "packs").glob("g-*"))
    assert groups
    for path in groups:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))

    ended = work(run)

    assert any("is damaged" in done.err for done in ended) or "bit" in damage, "nobody said so"
    ran = run.said()[0]
    assert {ran[n] for n in range(TASKS)} <= {1, 2}
    # A damaged result that no task needed is found by whoever asks for it.
    store = file_store(run.jugdir)
    found = [load(store, name) for name in run.names()]
    assert all(value in (right, DAMAGED) for value, right in zip(found, expected(TASKS), strict=True))
    assert found.count(DAMAGED) <= (len(groups) if "bit" in damage else 0)  # a bit of each was flipped


DAMAGED = object()


def load(store, name):
    try:
        return store.load(name)
    except DamagedResultError:
        return DAMAGED
