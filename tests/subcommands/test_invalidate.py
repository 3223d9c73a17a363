import os
import subprocess
import sys

import pytest
from processes import environment, files_in, jug, use, write
from simulated import Counting

from jug import Task
from jug.backends.dict_store import dict_store
from jug.errors import StoreError
from jug.options import default_options
from jug.subcommands.invalidate import InvalidateCommand


@pytest.fixture
def done(tmp_path):
    """A directory in which the chain has been executed."""
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short").code == 0
    return tmp_path


def finished(where):
    return {name: row["Finished"] for name, row in jug(where, "status").table().items()}


def test_what_depends_on_it_goes_too_through_tasklets_as_well(done):
    removed = jug(done, "invalidate", "--name", "first")
    assert (removed.code, removed.err) == (0, "")
    assert removed.out == (
        "Task name                 Selected   Dependent\n"
        "jugfile.first                    3           0\n"
        "jugfile.second                   0           1\n"
        "jugfile.third                    0           2\n"
        "Total:                           3           3\n"
        "6 results invalidated.\n"
    )
    assert finished(done) == {
        "jugfile.apart": 1,
        "jugfile.first": 0,
        "jugfile.second": 0,
        "jugfile.third": 0,
        "Total:": 1,
    }
    assert jug(done, "execute").table()["Total:"] == {"Executed": 6, "Loaded": 1}


def test_what_it_depends_on_stays(done):
    removed = jug(done, "invalidate", "--name", "jugfile.third")
    assert removed.table()["jugfile.third"] == removed.table()["Total:"] == {"Selected": 2, "Dependent": 0}
    assert finished(done)["Total:"] == 5


@pytest.mark.parametrize(
    ("selection", "number"),
    [
        (["--pattern", "ir"], (5, 1)),
        (["--pattern", "/(second|third)$/"], (3, 0)),
        (["--name", "s*d"], (1, 0)),
        (["--name", "*"], (7, 0)),
    ],
)
def test_ways_to_select(done, selection, number):
    assert tuple(jug(done, "invalidate", *selection).table()["Total:"].values()) == number


@pytest.mark.parametrize("option", ["--target", "--invalid"])
def test_old_names_of_the_option_warn(done, option):
    removed = jug(done, "invalidate", option, "apart", "--short")
    assert (removed.code, removed.out.splitlines()[1:]) == (0, ["1 result invalidated."])
    assert removed.err.startswith("jug: warning: --target or --invalid is deprecated: use --name")


def test_nothing_to_remove(done):
    jug(done, "invalidate", "--name", "apart")
    before = files_in(done)
    assert jug(done, "invalidate", "--name", "apart").out == "No results invalidated.\n"
    nothing = jug(done, "invalidate", "--name", "aprat")
    sentence = "No task matches --name 'aprat' (did you mean 'jugfile.apart'?): nothing was invalidated.\n"
    assert (nothing.code, nothing.out) == (1, sentence)
    nothing = jug(done, "invalidate", "--pattern", "xyz")
    assert (nothing.code, nothing.out) == (1, "No task matches --pattern 'xyz': nothing was invalidated.\n")
    assert files_in(done) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "jug: One of the arguments --name --pattern --target/--invalid is required (see 'jug "),
        (["--pattern", ""], "jug: Empty pattern ('') is not allowed, as it would match every task "),
        (["--name", ""], "jug: Empty name ('') is not allowed"),
        (["--name", "first", "--pattern", "x"], "jug: Argument --pattern: not allowed with argument --name"),
    ],
)
def test_a_selection_that_makes_no_sense_removes_nothing(done, arguments, message):
    before = files_in(done)
    refused = jug(done, "invalidate", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(message) and refused.err.count("\n") == 1
    assert files_in(done) == before


def test_what_is_behind_a_barrier_is_told_to_be_unknown(tmp_path):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\nsecond(5)\n")
    assert jug(tmp_path, "execute", "--short").code == 0
    assert "barrier" not in jug(tmp_path, "invalidate", "--name", "third").out
    removed = jug(tmp_path, "invalidate", "--name", "second")
    assert removed.table()["Total:"] == {"Selected": 1, "Dependent": 0}
    assert removed.out.splitlines()[-1] == (
        "The jugfile stops at a barrier (jugfile.third has no result yet): "
        "results of tasks after it, if there are any, were kept."
    )


# Dry runs


def everything(where):
    """What is there, to the last detail that a program could change."""
    found = {}
    for path in sorted(where.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_mode, content)
    return found


def test_a_dry_run_prints_the_same_table_and_changes_nothing_at_all(done):
    before = everything(done)
    dry = jug(done, "invalidate", "--name", "first", "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert everything(done) == before
    table, _, last = dry.out.rstrip("\n").rpartition("\n")
    assert last == "Dry run: nothing was removed."
    assert jug(done, "invalidate", "--name", "first").out == f"{table}\n6 results invalidated.\n"


def test_short_forms(done):
    expected = "6 results to invalidate: 3 selected, 3 that depend on these.\n"
    dry = jug(done, "invalidate", "--name", "first", "--dry-run", "--short")
    assert (dry.code, dry.out) == (0, expected + "Dry run: nothing was removed.\n")
    assert jug(done, "invalidate", "--name", "first", "--short").out == expected + "6 results invalidated.\n"


def test_a_dry_run_on_nothing(done):
    jug(done, "invalidate", "--name", "apart")
    assert jug(done, "invalidate", "--name", "apart", "--dry-run").out == "No results invalidated.\n"
    assert "did you mean" in jug(done, "invalidate", "--name", "aprat", "--dry-run").out


def test_the_help_says_that_dependents_go_too(done):
    assert "all results that depend on them" in jug(done, "invalidate", "--help").out


def test_running_tasks_among_them_are_told(done):
    jug(done, "invalidate", "--name", "third")
    from_third = jug(done, "status").table()["jugfile.third"]
    assert from_third["Ready"] == 2
    locks = done / "jugfile.jugdata/locks"
    locks.mkdir(exist_ok=True)
    write(locks, "PID 1 on HOSTNAME elsewhere\n", f"{_hash_of_a_third(done)}.lock")
    told = jug(done, "invalidate", "--name", "first", "--dry-run")
    sentence = "One of these tasks is running now, by elsewhere:1: a result that is stored later is not removed.\n"
    assert sentence in told.out
    assert "running" not in jug(done, "invalidate", "--name", "apart", "--dry-run").out


def _hash_of_a_third(where):
    code = "import jug; s, space = jug.init('jugfile.py'); print(space['through'][0].hash().decode())"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=where, env=environment(where), capture_output=True, text=True).stdout.strip()


# What comes in between


def run_with_output(where, stdout):
    command = [sys.executable, "-m", "jug", "invalidate", "--name", "first"]
    with subprocess.Popen(
        command, cwd=where, env=environment(where), stdout=stdout, stderr=subprocess.PIPE, text=True
    ) as process:
        return process.communicate(timeout=60)[1], process.returncode


def test_if_nobody_reads_the_table_nothing_is_removed(done):
    read, written = os.pipe()
    os.close(read)
    try:
        assert run_with_output(done, written) == ("jug: Nothing was removed\n", 141)
    finally:
        os.close(written)
    assert finished(done)["Total:"] == 7


def test_if_the_table_cannot_be_written_nothing_is_removed(done):
    with open("/dev/full", "w") as full:
        err, code = run_with_output(done, full)
    assert code == 1
    assert "jug: Nothing was removed\n" in err and "No space left on device" in err and "Traceback" not in err
    assert finished(done)["Total:"] == 7


class Stops(dict_store):
    """A store that stops in the middle of removing."""

    error: BaseException = KeyboardInterrupt()

    def remove_many(self, names):
        for number, name in enumerate(names):
            if number == 2:
                raise self.error
            self.remove(name)


def double(x):
    return [x, x]


@pytest.fixture
def stopping():
    store = Task.store = Stops()
    task = 0
    for _ in range(5):
        task = Task(double, task)
        task.run()
    return store


def invalidate_all(store, **given):
    options = default_options.copy()
    options.update({"invalid_pattern": "double", **given})
    return InvalidateCommand().run(options, store, {})


def test_an_interruption_in_the_middle_says_how_many_are_gone(stopping, capsys):
    with pytest.raises(KeyboardInterrupt):
        invalidate_all(stopping)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1].split() == ["Total:", "5", "0"]
    assert shown.err == "jug: 2 of 5 results were removed: the same command removes the rest\n"


def test_a_store_that_fails_in_the_middle_and_for_good(stopping, capsys):
    stopping.error = StoreError("no more")
    remove_many = stopping.remove_many

    def lose(names):
        stopping.list = lambda: (_ for _ in ()).throw(StoreError("lost"))
        return remove_many(names)

    stopping.remove_many = lose
    with pytest.raises(StoreError, match=r"^no more \(not all of 5 results may have been removed: the same command"):
        invalidate_all(stopping)
    assert capsys.readouterr().err == ""


def test_an_interruption_while_the_table_is_shown(stopping, monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("jug.cli.terminal.flush", interrupted)
    with pytest.raises(KeyboardInterrupt):
        invalidate_all(stopping)
    assert capsys.readouterr().err == "jug: Nothing was removed\n"
    assert len(list(stopping.list())) == 5


# Many results, any store


def test_the_plan_for_many_results_asks_in_bulk_and_reads_none(capsys):
    store = Task.store = Counting()
    store.store.update((b"result:" + Task(double, number).hash(), b"") for number in range(100_000))
    assert invalidate_all(store, invalid_dry_run=True) == 0
    assert store.asked == 2
    assert capsys.readouterr().out.splitlines()[1].split() == [f"{__name__}.double", "100000", "0"]
    assert len(store.store) == 100_000


@pytest.mark.parametrize("make", [dict_store, Counting], ids=lambda make: make.__name__)
def test_a_dry_run_says_what_the_real_run_does(make, capsys):
    store = Task.store = make()
    base = Task(double, 1)
    tasks = [base, *(Task(double, [base, n]) for n in range(4))]
    for task in tasks[:4]:
        dict_store.dump(store, 1, task.hash())
    invalidate_all(store, invalid_dry_run=True)
    table = capsys.readouterr().out.splitlines()[:-1]
    assert len(list(store.list())) == 4
    invalidate_all(store)
    assert capsys.readouterr().out.splitlines() == [*table, "4 results invalidated."]
    assert list(store.list()) == []


def test_what_is_known_of_failures_is_forgotten_but_not_by_a_dry_run(tmp_path):
    use(tmp_path, "failing.py")
    jug(tmp_path, "execute", "--keep-going")
    assert jug(tmp_path, "status").table()["jugfile.fails"]["Failed"] == 1
    assert jug(tmp_path, "invalidate", "--name", "fails", "--dry-run").out == "No results invalidated.\n"
    assert jug(tmp_path, "status").table()["jugfile.fails"]["Failed"] == 1
    assert jug(tmp_path, "invalidate", "--name", "fails").out == "No results invalidated.\n"
    assert jug(tmp_path, "status").table()["jugfile.fails"] == {
        "Failed": 0,
        "Waiting": 0,
        "Ready": 1,
        "Finished": 0,
        "Running": 0,
    }
