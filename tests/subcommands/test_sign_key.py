"""``--sign-key`` by real processes: what was written without the key is never loaded, and a wrong key costs nothing."""

import os
from pathlib import Path

import pytest
from processes import jug, start, write

from jug.backends.encode import encode_value
from jug.backends.file_store import file_store
from jug.backends.result_bytes.checksum import sealed
from jug.backends.result_bytes.signature import Key

JUGFILE = """
    from jug import TaskGenerator

    @TaskGenerator
    def make(n):
        with open("made.txt", "a") as log:
            print(n, file=log)
        return [n] * 3

    @TaskGenerator
    def use(made):
        return sum(made)

    made = [make(n) for n in range(5)]
    used = [use(each) for each in made]
"""


class Trap:
    def __reduce__(self):
        return os.mkdir, ("snapped",)


@pytest.fixture
def where(tmp_path):
    write(tmp_path, JUGFILE)
    for name, content in {"key": b"k" * 16, "other": b"o" * 16}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    return tmp_path


@pytest.fixture
def signed(where):
    """All of `make` is finished and signed, and `use` is to run."""
    assert jug(where, "execute", "--no-groups", "--sign-key", "key", "--name", "make").code == 0
    return where


def store_of(where):
    return file_store(where / "jugfile.jugdata")


def results(where):
    return {path: path.read_bytes() for path in (where / "jugfile.jugdata").glob("??/*")}


def snapped(where):
    return (where / "snapped").exists()


def test_results_are_signed_and_read_by_all_commands(signed):
    assert all(b"JUGSIG1" in data for data in results(signed).values())
    assert jug(signed, "execute", "--sign-key", "key").code == 0
    for command in (
        ["check"],
        ["status"],
        ["check", "--verify"],
        ["check", "--hashes"],
        ["graph"],
        ["count"],
        ["pack"],
    ):
        assert jug(signed, *command, "--sign-key", "key").code == 0, command
    assert jug(signed, "invalidate", "--sign-key", "key", "--name", "make").code == 0
    assert jug(signed, "execute", "--sign-key", "key").table()["jugfile.make"]["Executed"] == 5
    assert jug(signed, "cleanup", "--sign-key", "key").code == 0


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_forged_result_is_set_aside_and_computed_again_and_nothing_in_it_is_run(signed, is_packed):
    store = store_of(signed)
    name = min(store.list())
    data = encode_value(Trap())
    Path(store._dir.result(name)).write_bytes(b"".join(sealed(data, Key(b"guessed by nobody").signer(name))))
    if is_packed:
        Path(store._dir.path("signed")).rename(signed / "hidden")
        assert jug(signed, "pack").out == "Packed 5 objects\n"
        (signed / "hidden").rename(store._dir.path("signed"))
    (signed / "made.txt").unlink()
    done = jug(signed, "execute", "--sign-key", "key")
    assert done.code == 0 and not snapped(signed), done
    assert "is damaged: its signature is wrong" in done.err and "is to run again" in done.err
    assert len((signed / "made.txt").read_text().split()) == 1
    (aside,) = (signed / "jugfile.jugdata/corrupt").iterdir()
    assert aside.name.startswith(name.decode()) and data in aside.read_bytes()
    assert jug(signed, "check", "--verify", "--sign-key", "key").out == "10 results: 10 whole.\n"


def test_the_forged_result_would_run_what_it_holds(signed):
    store = store_of(signed)
    Path(store._dir.result(min(store.list()))).write_bytes(b"".join(sealed(encode_value(Trap()))))
    (signed / "jugfile.jugdata/signed").unlink()
    jug(signed, "execute")
    assert snapped(signed)


def test_an_unsigned_result_fails_the_task_that_needs_it_and_stays_until_the_user_decides(signed):
    store = store_of(signed)
    name = min(store.list())
    path = Path(store._dir.result(name))
    path.write_bytes(b"".join(sealed(encode_value([1, 1, 1]))))
    before = results(signed)
    done = jug(signed, "execute", "--keep-going", "--sign-key", "key")
    assert done.code == 1
    assert f"The result {path} is not signed, and was not loaded: " in done.err and "'jug check --sign'" in done.err
    assert done.table()["jugfile.use"]["Executed"] == 4
    assert before.items() <= results(signed).items() and not (signed / "jugfile.jugdata/corrupt").exists()
    told = jug(signed, "check", "--verify", "--sign-key", "key")
    assert told.code == 1 and told.out.endswith("9 results: 8 whole, 1 not signed. 1 task has no result.\n")
    assert f"task {name.decode()}) is not signed\n" in told.out
    assert jug(signed, "check", "--sign", "--sign-key", "key").out == "1 result signed.\n"
    assert jug(signed, "execute", "--sign-key", "key").code == 0


@pytest.mark.parametrize("command", [["execute"], ["status"], ["check"], ["check", "--verify"], ["check", "--sign"]])
def test_a_wrong_key_is_one_sentence_and_costs_nothing(signed, command):
    before = results(signed)
    done = jug(signed, *command, "--sign-key", "other")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"jug: --sign-key: the results in {signed}/jugfile.jugdata are signed with another key")
    assert done.err.count("\n") == 1 and results(signed) == before
    assert sorted((signed / "made.txt").read_text().split()) == list("01234")


def test_without_the_key_results_are_read_but_none_is_added(signed):
    for command in (["execute"], ["pack"]):
        done = jug(signed, *command)
        assert done.code == 2 and "are signed: to add to them, the key is needed (--sign-key)" in done.last, command
    assert jug(signed, "status").table()["jugfile.make"]["Finished"] == 5
    assert jug(signed, "check", "--verify").code == 0
    assert len(results(signed)) == 5


def test_results_without_signatures_are_refused_until_they_are_signed(where):
    assert jug(where, "execute", "--no-groups", "--name", "make").code == 0
    assert jug(where, "pack").out == "Packed 5 objects\n"
    assert jug(where, "execute", "--name", "use").code == 0
    for command in (["execute"], ["status"], ["check"]):
        done = jug(where, *command, "--sign-key", "key")
        assert (done.code, done.out) == (2, "") and done.last.endswith("have them signed by 'jug check --sign'")
    done = jug(where, "check", "--sign", "--sign-key", "key")
    assert (done.code, done.out, done.err) == (0, "10 results signed.\n", "")
    assert jug(where, "check", "--sign", "--sign-key", "key").out == "0 results signed.\n"
    assert jug(where, "check", "--sign-key", "key").code == 0
    assert jug(where, "check", "--sign").last == "jug: To sign results, a key is needed (--sign-key FILE)"


def test_what_is_damaged_is_not_signed_and_told(where):
    assert jug(where, "execute", "--no-groups").code == 0
    path = min(results(where))
    path.write_bytes(path.read_bytes()[:-1])
    done = jug(where, "check", "--sign", "--sign-key", "key")
    assert done.code == 1
    assert done.out.startswith(f"{path} is damaged: ") and done.out.endswith("9 results signed; left: 1 damaged.\n")


def test_the_key_may_be_named_in_a_configuration_file(where):
    (where / ".jugrc").write_text("[main]\nsign-key = key\n")
    assert jug(where, "execute", "--no-groups").code == 0
    assert all(b"JUGSIG1" in data for data in results(where).values())
    assert jug(where, "status", "--sign-key", "other").code == 2
    unset = jug(where, "status", "--sign-key", "")  # as by "$KEY", which is not set: it must not switch anything off
    assert (unset.code, unset.last) == (2, "jug: --sign-key '': the name of a file with a key is needed")


def test_a_store_that_the_jugfile_chooses_is_signed_too(where):
    write(where, "import jug\njug.set_jugdir('elsewhere')\n" + (where / "jugfile.py").read_text())
    assert jug(where, "execute", "--sign-key", "key").code == 0
    assert (where / "elsewhere/signed").exists()
    assert all(b"JUGSIG1" in path.read_bytes() for path in (where / "elsewhere").glob("??/*"))


@pytest.mark.parametrize("jugdir", ["dict_store", "dict_store:file", "redis://localhost:1"])
def test_a_store_that_cannot_sign_says_so(where, jugdir):
    if jugdir.startswith("redis"):
        pytest.importorskip("redis")
    done = jug(where, "execute", "--sign-key", "key", "--jugdir", jugdir)
    assert done.code == 2
    assert done.err == "jug: --sign-key: in a store of this kind, results cannot be signed (only in a folder)\n"


def test_a_key_that_is_none_is_one_sentence(where):
    for name, text in {"short": "x", "open": "x" * 20}.items():
        (where / name).write_text(text)
        (where / name).chmod(0o644 if name == "open" else 0o600)
    for name, why in {
        "short": "it holds 1 byte,",
        "open": "others can use it",
        "none": "there is no such file",
    }.items():
        done = jug(where, "execute", "--sign-key", name)
        assert done.code == 2 and done.err.startswith(f"jug: --sign-key '{name}': ") and why in done.err
        assert done.err.count("\n") == 1 and not (where / "jugfile.jugdata").exists()


def test_workers_that_begin_together_agree(where):
    workers = [start(where, "execute", "--sign-key", "key") for _ in range(4)]
    assert [worker.wait().code for worker in workers] == [0] * 4
    assert sorted((where / "made.txt").read_text().split()) == list("01234")
    assert list((where / "jugfile.jugdata/tempfiles").iterdir()) == []
    assert jug(where, "check", "--verify", "--sign-key", "key").code == 0
