"""``jug invalidate`` while workers run: they compute again what is gone, before any says that all is finished."""

import os

import pytest
from processes import jug, start, wait_for_file, write

from jug.backends.file_store import file_store

JUGFILE = """
import os, time
from pathlib import Path
from jug import TaskGenerator

@TaskGenerator
def first(i):
    with open("ran", "a") as log:
        log.write(f"first {i}\\n")
    return i

@TaskGenerator
def last(xs):
    Path("started").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return sum(xs)

last([first(i) for i in range(6)])
"""


@pytest.fixture
def busy(tmp_path):
    """Three workers: one runs the last task, the others wait for it."""
    write(tmp_path, JUGFILE)
    workers = [start(tmp_path, "execute", "--wait-cycle-time", "0.1")]
    wait_for_file(tmp_path / "started", alive=workers[0])
    for _ in range(2):
        workers.append(start(tmp_path, "execute", "--wait-cycle-time", "0.1", "--verbose", "info"))
        while "Waiting" not in workers[-1].process.stderr.readline():
            assert workers[-1].process.poll() is None
    yield tmp_path, workers
    for worker in workers:
        worker.kill()


def finished(where):
    return len([*file_store(where / "jugfile.jugdata").list()])


def wait_for_results(where, number, worker):
    while finished(where) != number:
        assert worker.process.poll() is None, worker.wait()


def test_workers_that_wait_compute_again_what_is_gone(busy):
    where, workers = busy
    assert finished(where) == 6
    done = jug(where, "invalidate", "--name", "first")
    here = f"{os.uname().nodename}:{workers[0].pid}"
    told = f"One of these tasks is running now, by {here}: a result that is stored later is not removed.\n"
    assert done.code == 0 and told in done.out and done.out.endswith("\n6 results invalidated.\n")
    wait_for_results(where, 6, workers[1])
    assert len((where / "ran").read_text().splitlines()) == 12
    (where / "go").touch()
    ended = [worker.wait() for worker in workers]
    assert [worker.code for worker in ended] == [0, 0, 0], ended
    assert finished(where) == 7 and jug(where, "check").code == 0


def test_the_worker_that_runs_the_last_task_computes_again_what_it_needed_before_it_ends(busy):
    where, workers = busy
    for worker in workers[1:]:
        worker.process.terminate()
        assert worker.wait().code == 143
    assert jug(where, "invalidate", "--name", "first", "--short").code == 0
    (where / "go").touch()
    done = workers[0].wait()
    assert (done.code, done.err) == (0, "jug: All tasks are finished.\n")
    assert finished(where) == 7 and jug(where, "check").code == 0
    assert len((where / "ran").read_text().splitlines()) == 12


def test_a_worker_that_has_to_stop_says_what_is_left_of_it(busy):
    where, workers = busy
    (where / "__jug_please_stop_running.txt").touch()
    assert jug(where, "invalidate", "--name", "first", "--short").code == 0
    (where / "go").touch()
    ended = [worker.wait() for worker in workers]
    assert {worker.code for worker in ended} == {3}, ended
    assert all("asks to stop" in worker.last and "ready" in worker.last for worker in ended)
    assert jug(where, "check").code == 1


def test_a_worker_that_reaches_its_limit_with_the_last_task_looks_once_more_before_it_ends(
    tmp_path,
):
    write(tmp_path, JUGFILE)
    worker = start(tmp_path, "execute", JUG_MAX_TASKS="7")
    wait_for_file(tmp_path / "started", alive=worker)
    assert jug(tmp_path, "invalidate", "--name", "first", "--short").code == 0
    (tmp_path / "go").touch()
    done = worker.wait()
    assert done.code == 3
    assert done.last == "jug: Stopped, because the limit of tasks is reached (7 executed). Tasks left: 6 ready."
