import itertools

import pytest
from processes import files_in, jug, use

from jug.backends import file_store


@pytest.fixture
def changed(tmp_path):
    """A directory in which the chain has been executed; then `apart` went from the jugfile, and a failure came."""
    path = use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short").code == 0
    path.write_text(path.read_text().replace("\napart()\n", "\n@TaskGenerator\ndef fails():\n    1 / 0\nfails()\n"))
    assert jug(tmp_path, "execute", "--short", "--keep-failed").code == 1
    store = file_store.file_store(tmp_path / "jugfile.jugdata")
    assert store.getlock(b"ab" * 20).get()
    assert (len(list(store.list())), len(list(store.listlocks()))) == (7, 2)
    return tmp_path, store


def numbers(store):
    """How many results, locks in use and failed locks there are."""
    failed = list(file_store.file_store(store.jugdir).lock_states().values())
    return len(list(file_store.file_store(store.jugdir).list())), failed.count(False), failed.count(True)


@pytest.mark.parametrize(
    ("options", "output", "left"),
    [
        ([], "Removed 1 objects\nRemoved 2 locks\n", (6, 0, 0)),
        (["--keep-locks"], "Removed 1 objects\n", (6, 1, 1)),
        (["--locks-only"], "Removed 2 locks\n", (7, 0, 0)),
        (["--failed-only"], "Removed 1 failed locks\n", (7, 1, 0)),
    ],
    ids=str,
)
def test_what_goes_and_what_stays(changed, options, output, left):
    where, store = changed
    done = jug(where, "cleanup", *options)
    assert (done.code, done.out, done.err) == (0, output, "")
    assert numbers(store) == left


PAIRS = list(itertools.combinations(["--locks-only", "--failed-only", "--keep-locks"], 2))


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_the_options_exclude_each_other(changed, pair):
    where, store = changed
    done = jug(where, "cleanup", *pair)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"jug: Argument {pair[1]}: not allowed with argument {pair[0]} (see 'jug cleanup --help')\n"
    assert numbers(store) == (7, 1, 1)


def test_files_of_others_are_not_touched(changed):
    where, _ = changed
    jugdir = where / "jugfile.jugdata"
    foreign = ["zz", "notes.txt", "ab/é", "locks/README", "locks/dir.lock/x", "sub/" + "a" * 38, "packs/mine", "12/x"]
    for name in foreign:
        (jugdir / name).parent.mkdir(parents=True, exist_ok=True)
        (jugdir / name).write_text("mine")
    assert jug(where, "cleanup").code == 0
    assert [(jugdir / name).read_text() for name in foreign] == ["mine"] * len(foreign)


def test_the_jugdir_may_be_the_directory_of_the_jugfile(tmp_path):
    use(tmp_path, "chain.py")
    before = files_in(tmp_path)
    assert jug(tmp_path, "execute", "--jugdir", ".").code == 0
    (tmp_path / "jugfile.py").write_text("")
    assert jug(tmp_path, "cleanup", "--jugdir", ".").out == "Removed 7 objects\nRemoved 0 locks\n"
    assert [name for name in files_in(tmp_path) if (tmp_path / name).is_file()] == before


def test_it_refuses_to_judge_while_the_jugfile_stops_at_a_barrier(changed):
    where, store = changed
    path = where / "jugfile.py"
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\n")
    done = jug(where, "cleanup")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jug: The jugfile 'jugfile.py' stops at a barrier (jugfile.fails has no result yet)")
    assert "nothing was removed" in done.err
    assert numbers(store) == (7, 1, 1)
    assert jug(where, "cleanup", "--failed-only").code == 0


def test_cleaning_up_again_removes_nothing(changed):
    where, _ = changed
    jug(where, "cleanup")
    assert jug(where, "cleanup").out == "Removed 0 objects\nRemoved 0 locks\n"
