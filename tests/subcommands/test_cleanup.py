import itertools
import os
import re
import subprocess
import sys

import pytest
from processes import environment, files_in, jug, use
from simulated import Counting

from jug import Task
from jug.backends import file_store
from jug.backends.base import LockDetails
from jug.options import default_options
from jug.subcommands.cleanup import CleanupCommand


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


LEFT_ALONE = (
    "Left alone: 1 lock that may be in use ('jug status --workers' shows who is alive, --force takes them away)\n"
    "    (no task of the jugfile): held, HERE\n"
)
TAKEN = (
    "Taking away 1 lock that may be in use: a worker that is alive goes on, and its task may be run twice\n"
    "    (no task of the jugfile): held, HERE\n"
)


def numbers(store):
    """How many results, locks in use and failed locks there are."""
    failed = list(file_store.file_store(store.jugdir).lock_states().values())
    return len(list(file_store.file_store(store.jugdir).list())), failed.count(False), failed.count(True)


@pytest.mark.parametrize(
    ("options", "output", "left"),
    [
        ([], "Removed 1 object\nRemoved 1 lock\nRemoved 1 record of failures\n" + LEFT_ALONE, (6, 1, 0)),
        (["--keep-locks"], "Removed 1 object\n", (6, 1, 1)),
        (["--locks-only"], "Removed 1 lock\nRemoved 1 record of failures\n" + LEFT_ALONE, (7, 1, 0)),
        (["--failed-only"], "Removed 1 failed lock\nRemoved 1 record of failures\n", (7, 1, 0)),
        (["--force"], "Removed 1 object\n" + TAKEN + "Removed 2 locks\nRemoved 1 record of failures\n", (6, 0, 0)),
        (["--force", "--locks-only"], TAKEN + "Removed 2 locks\nRemoved 1 record of failures\n", (7, 0, 0)),
    ],
    ids=str,
)
def test_what_goes_and_what_stays(changed, options, output, left):
    where, store = changed
    done = jug(where, "cleanup", *options)
    assert (done.code, re.sub(r"process \d+ on \S+, since \d.*", "HERE", done.out), done.err) == (0, output, "")
    assert numbers(store) == left
    short = jug(where, "cleanup", "--short", *options)
    assert (short.code, "since" in short.out, "may be in use" in short.out) == (0, False, LEFT_ALONE in output)


@pytest.mark.parametrize("other", ["--failed-only", "--keep-locks"])
def test_force_is_for_locks_that_somebody_may_hold(changed, other):
    where, store = changed
    done = jug(where, "cleanup", "--force", other)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"jug: --force is for locks that somebody may hold, which {other} leaves alone\n"
    assert numbers(store) == (7, 1, 1)


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
    assert jug(tmp_path, "cleanup", "--jugdir", ".").out == (
        "Removed 7 objects\nRemoved 0 locks\nLeft alone: 1 file or folder that is not jug's ('jugfile.py')\n"
    )
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


def everything(where):
    """What is there, to the last detail that a program could change."""
    found = {}
    for path in sorted(where.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_mode, content)
    return found


def counts(output, verb):
    """The number and the kind of each thing in the lines that begin with `verb`."""
    lines = [line for line in output.splitlines() if line.startswith(verb)]
    return [line.removeprefix(verb).split(" that ")[0].split() for line in lines]


@pytest.mark.parametrize("options", [[], ["--keep-locks"], ["--locks-only"], ["--failed-only"], ["--force"]], ids=str)
def test_a_dry_run_changes_nothing_and_says_what_the_real_run_does(changed, options):
    where, store = changed
    store.record_failure(b"cd" * 20, {"task": "jugfile.gone", "error": "ValueError: x"})  # no longer in the jugfile
    before = everything(where)
    dry = jug(where, "cleanup", "--dry-run", *options)
    assert (dry.code, dry.err) == (0, "")
    assert everything(where) == before
    assert dry.out.endswith("Dry run: nothing was removed.\n")
    short = jug(where, "cleanup", "--dry-run", "--short", *options)
    real = jug(where, "cleanup", *options)
    assert counts(dry.out, "Would remove") == counts(short.out, "Would remove") == counts(real.out, "Removed")
    again = jug(where, "cleanup", "--dry-run", *options)
    assert {number for number, *_ in counts(again.out, "Would remove")} == {"0"}


def test_a_dry_run_names_who_holds_the_locks(changed):
    where, store = changed
    dry = jug(where, "cleanup", "--dry-run")
    assert "Would remove 1 object that no task of 'jugfile.py' has; 6 would stay\n" in dry.out
    here = f"process {os.getpid()} on {store.lock_details()[b'ab' * 20].host}, since 20"
    assert f"    (no task of the jugfile): held, {here}" in dry.out
    assert "    jugfile.fails: failed" in dry.out
    assert "jugfile" not in jug(where, "cleanup", "--dry-run", "--short").out


def test_a_dry_run_refuses_to_judge_at_a_barrier_too(changed):
    where, _ = changed
    path = where / "jugfile.py"
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\n")
    assert jug(where, "cleanup", "--dry-run").code == 2
    dry = jug(where, "cleanup", "--failed-only", "--dry-run")
    assert (dry.code, dry.out.splitlines()[0]) == (0, "Would remove 1 failed lock")


def test_records_of_failures_go_with_what_they_are_about(changed):
    where, store = changed
    gone, done, left = b"cd" * 20, store.list()[0], next(iter(store.failures()))
    for name in (gone, done):
        store.record_failure(name, {"task": "jugfile.x", "error": "ValueError: x"})
    assert jug(where, "cleanup", "--keep-locks").out == "Removed 1 object\nRemoved 2 records of failures\n"
    assert list(file_store.file_store(store.jugdir).failures()) == [left]
    jug(where, "cleanup", "--failed-only")
    assert file_store.file_store(store.jugdir).failures() == {}


def test_the_record_of_a_lock_that_stays_stays(changed):
    where, store = changed
    store.record_failure(b"ab" * 20, {"task": "jugfile.x", "error": "ValueError: x"})  # locked, and of no task
    assert jug(where, "cleanup", "--keep-locks").out == "Removed 1 object\n"
    assert b"ab" * 20 in file_store.file_store(store.jugdir).failures()


class Held(Counting):
    """All its locks have failed in one process."""

    def lock_details(self):
        return {name: LockDetails(True, "node7", 12, 1e9) for name in self.listlocks()}


def kept():
    return None


def test_many_results_and_locks_are_asked_for_in_bulk_and_told_in_few_lines(capsys):
    store = Task.store = Held()
    task = Task(kept)
    store.store[b"result:" + task.hash()] = b""
    for number in range(100_000):
        store.store[b"result:%040x" % number] = b""
        store.store[b"lock:%040x" % number] = 2
    options = default_options.copy()
    options.update({"cleanup_dry_run": True})
    assert CleanupCommand().run(options, store, {}) == 0
    assert store.asked <= 4
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "Would remove 100000 objects that no task of 'jugfile.py' has; 1 would stay",
        "Would remove 100000 locks",
    ]
    assert lines[2].startswith(
        "    (no task of the jugfile): 100000 locks, failed, process 12 on node7, since 2001-09-"
    )
    assert len(lines) == 4
    assert len(store.store) == 200_001


def test_cleaning_up_again_removes_nothing(changed):
    where, _ = changed
    jug(where, "cleanup")
    assert jug(where, "cleanup").out.startswith("Removed 0 objects\nRemoved 0 locks\nLeft alone: 1 lock")


# --- what goes is said, and asked about


@pytest.fixture
def shrunk(tmp_path):
    """A directory with 7 results, of which the jugfile has only `kept` now."""

    def shrink(kept):
        path = use(tmp_path, "chain.py")
        assert jug(tmp_path, "execute", "--short").code == 0
        calls = ["first(0)", "first(1)", "first(2)", "apart()"][:kept]
        path.write_text(path.read_text().partition("firsts =")[0] + "\n".join(calls))
        return tmp_path, file_store.file_store(tmp_path / "jugfile.jugdata")

    return shrink


def test_what_goes_and_how_many_stay_is_said_first(shrunk):
    where, store = shrunk(4)
    code, said = at_a_terminal(where, None, "cleanup")
    told = "3 results go, since no task of 'jugfile.py' has them; 4 stay.\r\nRemoved 3 objects\r\nRemoved 0 locks\r\n"
    assert (code, said) == (0, told) and numbers(store) == (4, 0, 0)
    assert at_a_terminal(where, None, "cleanup") == (0, "Removed 0 objects\r\nRemoved 0 locks\r\n")


def test_without_a_terminal_nobody_is_asked(shrunk):
    where, store = shrunk(0)
    done = jug(where, "cleanup")
    assert (done.code, done.out) == (0, "Removed 7 objects\nRemoved 0 locks\n") and numbers(store) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kept", "options", "answer", "left"),
    [
        (2, [], b"\n", 7),
        (2, [], b"n\n", 7),
        (2, [], b"yeah, no\n", 7),
        (2, ["--keep-locks"], b"\x04", 7),
        (2, ["--short"], b"Yes\n", 2),
        (2, [], b"y\n", 2),
        (2, ["--yes"], None, 2),
        (2, ["--dry-run"], None, 7),
        (2, ["--locks-only"], None, 7),
        (3, [], b"y\n", 3),
        (4, [], None, 4),
    ],
    ids=str,
)
def test_at_a_terminal_more_than_half_goes_only_if_somebody_says_yes(shrunk, kept, options, answer, left):
    where, store = shrunk(kept)
    code, said = at_a_terminal(where, answer, "cleanup", *options)
    assert numbers(store)[0] == left
    assert (f"Remove {7 - kept} of 7 results? [y/N]" in said) == (answer is not None)
    refused = answer is not None and left == 7
    assert code == (1 if refused else 0)
    assert ("jug: Nothing was removed, since nobody said yes (with --yes, nobody is asked)" in said) == refused


def test_half_of_the_results_go_without_a_question(tmp_path):
    path = use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--name", "first", "--name", "apart")
    path.write_text(path.read_text().partition("firsts =")[0] + "first(0)\nfirst(1)\n")
    code, said = at_a_terminal(tmp_path, None, "cleanup")
    assert code == 0 and "2 results go" in said and "?" not in said


def at_a_terminal(where, answer, *arguments):
    """Run ``jug`` with a terminal for all three streams; the answer is given when there is a question."""
    main, other = os.openpty()
    command = [sys.executable, "-m", "jug", *arguments]
    process = subprocess.Popen(command, cwd=where, env=environment(where), stdin=other, stdout=other, stderr=other)
    os.close(other)
    said = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:  # it has ended
            break
        if not piece:
            break
        said += piece
        if b"[y/N]" in said and answer != b"":
            os.write(main, answer or b"\n")
            answer = b""
    os.close(main)
    return process.wait(), said.decode()
