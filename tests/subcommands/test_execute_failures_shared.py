"""``jug execute``, several at a time: a task that fails in one of them is not run by the others."""

import pytest
from processes import jug, start, wait_for_file, write

from jug.backends.file_store import file_store

JUGFILE = """
import os, time
from pathlib import Path
from jug import TaskGenerator

@TaskGenerator
def fails(x):
    with open(f"runs-{os.getpid()}", "a") as runs:
        runs.write("x")
    Path("started").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    if not os.path.exists("mended"):
        raise ValueError(x)
    return x

@TaskGenerator
def after(x):
    return x

after(fails(1))
after(2)
"""


def number_of_runs(where):
    return sum(len(path.read_text()) for path in where.glob("runs-*"))


@pytest.fixture
def failed(tmp_path):
    """The jugfile, executed by three workers at the same time; what they said."""
    write(tmp_path, JUGFILE)
    workers = [start(tmp_path, "execute", "--name", "fails", "--wait-cycle-time", "0.1")]
    wait_for_file(tmp_path / "started", alive=workers[0])
    for _ in range(2):
        workers.append(start(tmp_path, "execute", "--wait-cycle-time", "0.1", "--verbose", "info"))
        line = "executing jugfile.after(2)" if len(workers) == 2 else "Waiting"
        while line not in workers[-1].process.stderr.readline():
            assert workers[-1].process.poll() is None
    (tmp_path / "go").touch()
    return tmp_path, [worker.wait() for worker in workers]


def test_it_is_run_once_and_all_of_them_say_that_it_failed(failed):
    where, (first, *others) = failed
    assert number_of_runs(where) == 1
    assert first.code == 1 and first.last.startswith("jug: 1 task failed (jugfile.fails).")
    for other in others:
        assert (other.code, other.last) == (
            1,
            "jug: 1 task failed in another worker (jugfile.fails). Tasks left: 1 waiting, 1 failed. "
            "'jug status --failures' shows why, and 'jug execute --retry-failed' tries again.",
        )
    assert jug(where, "status").table()["Total:"] == {
        "Failed": 1, "Waiting": 1, "Ready": 0, "Finished": 1, "Running": 0,
    }  # fmt: skip


def test_a_new_run_tries_it_again_for_the_code_may_have_been_mended(failed):
    where, _ = failed
    assert jug(where, "execute").code == 1
    assert number_of_runs(where) == 2
    (where / "mended").touch()
    done = jug(where, "execute")
    assert (done.code, done.err) == (0, "jug: All tasks are finished.\n")
    assert number_of_runs(where) == 3


def test_failed_locks_that_were_kept_are_given_free_by_retry_failed(tmp_path):
    write(tmp_path, JUGFILE)
    (tmp_path / "go").touch()
    assert jug(tmp_path, "execute", "--keep-failed", "--keep-going").code == 1
    assert jug(tmp_path, "execute").code == 1
    assert number_of_runs(tmp_path) == 1
    again = jug(tmp_path, "execute", "--retry-failed", "--keep-failed")
    assert again.last.startswith("jug: 1 task failed (jugfile.fails).")
    assert number_of_runs(tmp_path) == 2
    (tmp_path / "mended").touch()
    assert jug(tmp_path, "execute", "--retry-failed", "--name", "after", "--nr-wait-cycles", "0").code == 3
    assert number_of_runs(tmp_path) == 2  # what is not selected is not given free
    assert jug(tmp_path, "execute", "--retry-failed").code == 0
    store = file_store(tmp_path / "jugfile.jugdata")
    assert (len([*store.list()]), [*store.listlocks()]) == (3, [])


RETRIED = """
import os, time
from pathlib import Path
from jug import TaskGenerator

@TaskGenerator
def fails(x):
    if not os.path.exists("mended"):
        Path("failed").touch()
        raise ValueError(x)
    return x

@TaskGenerator
def slow(x):
    while not os.path.exists("go"):
        time.sleep(0.01)
    return x

fails(1)
slow(2)
"""


def test_what_another_worker_has_run_well_since_is_no_failure_in_the_end(tmp_path):
    write(tmp_path, RETRIED)
    first = start(tmp_path, "execute", "--keep-going", "--wait-cycle-time", "0.1")
    wait_for_file(tmp_path / "failed", alive=first)
    (tmp_path / "mended").touch()
    second = jug(tmp_path, "execute", "--retry-failed", "--name", "fails", "--short")
    assert (second.code, second.last) == (0, "jug: All tasks that match --name 'fails' are finished.")
    (tmp_path / "go").touch()
    done = first.wait()
    assert "ValueError: 1" in done.err
    assert (done.code, done.last) == (0, "jug: All tasks are finished.")
