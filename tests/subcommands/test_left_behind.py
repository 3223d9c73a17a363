"""Real workers that are killed together with what looks after their locks, as when a machine is lost; and others."""

import os
import signal

import pytest
from processes import files_in, jug, lose, start, use, wait_for_file, write

from jug.backends.file_store import file_store

PAIR = "pair.py"


@pytest.fixture
def lost(tmp_path):
    """A directory in which a worker was lost in the middle of a task."""
    use(tmp_path, PAIR)
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    lose(worker)
    return tmp_path, f"{os.uname().nodename}:{worker.pid}"


def counts(where):
    return jug(where, "status").table()["jugfile.wait"]


def test_its_task_is_told_as_abandoned_and_runs_as_soon_as_a_worker_comes(lost):
    where, who = lost
    assert counts(where) == {"Abandoned": 1, "Waiting": 0, "Ready": 0, "Finished": 0, "Running": 0}
    short = jug(where, "status", "--short", "--workers")
    assert (short.code, short.out) == (
        1,
        "2 tasks waiting to be run, 0 failed, 0 complete, (none active, 1 abandoned). 0 workers, 1 gone.\n",
    )
    (line,) = (line for line in jug(where, "status", "--workers").out.splitlines() if line.startswith(who))
    assert " (gone)  jugfile.wait(1)  20" in line
    assert jug(where, "check").code == 1
    (where / "go").touch()
    assert jug(where, "execute").code == 0
    store = file_store(where / "jugfile.jugdata")
    assert (len([*store.list()]), [*store.listlocks()], files_in(where / "jugfile.jugdata/tempfiles")) == (2, [], [])


@pytest.mark.parametrize("options", [[], ["--locks-only"]], ids=str)
def test_cleanup_removes_what_it_left_and_leaves_alone_what_the_living_hold(lost, options):
    where, _ = lost
    write(where, (where / "jugfile.py").read_text() + "after(wait(2))\n")
    (where / "started").rmdir()
    alive = start(where, "execute")  # it takes over what was left
    wait_for_file(where / "started", alive=alive)
    other = start(where, "execute")
    while list(counts(where).values())[-1] < 2:
        assert other.process.poll() is None
    lose(other)
    here = os.uname().nodename
    dry = jug(where, "cleanup", "--dry-run", *options)
    assert "Would remove 1 lock\n    jugfile.wait: abandoned, process " in dry.out
    assert "Left alone: 1 lock that may be in use" in dry.out
    done = jug(where, "cleanup", *options)
    assert done.code == 0 and "\nRemoved 1 lock\n" in "\n" + done.out
    assert f"    jugfile.wait: held, process {alive.pid} on {here}, since 20" in done.out
    assert counts(where) == {"Waiting": 0, "Ready": 1, "Finished": 0, "Running": 1}
    (where / "go").touch()
    assert alive.wait().code == 0
    assert files_in(where / "jugfile.jugdata/tempfiles") == []


def test_force_takes_away_the_lock_of_the_living_who_loses_nothing(tmp_path):
    use(tmp_path, PAIR)
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    done = jug(tmp_path, "cleanup", "--locks-only", "--force")
    assert done.out.splitlines() == [
        "Taking away 1 lock that may be in use: a worker that is alive goes on, and its task may be run twice",
        done.out.splitlines()[1],
        "Removed 1 lock",
    ]
    assert done.out.splitlines()[1].startswith(f"    jugfile.wait: held, process {worker.pid} on ")
    (tmp_path / "go").touch()
    assert worker.wait().code == 0
    assert jug(tmp_path, "check").code == 0


def test_the_lock_of_an_old_worker_on_another_machine_stays_unless_by_force(tmp_path):
    use(tmp_path, PAIR)
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    (lock,) = file_store(tmp_path / "jugfile.jugdata").listlocks()
    worker.process.terminate()
    assert worker.wait().code == 143
    path = tmp_path / "jugfile.jugdata/locks" / f"{lock.decode()}.lock"
    path.write_text("PID 4711 on HOSTNAME node7\nLock created on 2026-03-31 (12h00.01)\n")
    assert "node7:4711  ?     ?        ?                  jugfile.wait(1)  2026-03-31 12:00:01" in (
        jug(tmp_path, "status", "--workers").out
    )
    gave_up = jug(tmp_path, "execute", "--nr-wait-cycles", "0")
    assert gave_up.code == 3
    assert "They are held by node7:4711 since 2026-03-31 12:00:01 ('jug status --workers'" in gave_up.last
    done = jug(tmp_path, "cleanup", "--locks-only")
    assert done.out.splitlines()[0] == "Removed 0 locks"
    assert "    jugfile.wait: held, process 4711 on node7, since 2026-03-31 12:00:01\n" in done.out
    assert jug(tmp_path, "cleanup", "--locks-only", "--force").out.endswith("\nRemoved 1 lock\n")
    (tmp_path / "go").touch()
    assert jug(tmp_path, "execute").code == 0


FAILING = """
import os
from time import sleep
from jug import TaskGenerator

@TaskGenerator
def fails(x):
    with open("runs", "a") as runs:
        runs.write("x")
    raise ValueError(x)

@TaskGenerator
def wait(x, after):
    os.makedirs("started", exist_ok=True)
    while not os.path.exists("go"):
        sleep(0.01)

fails(1)
wait(1, None)
"""


def test_a_worker_that_joins_a_run_leaves_alone_what_failed_in_it_before_and_cleanup_does_not_change_that(tmp_path):
    write(tmp_path, FAILING)
    first = start(tmp_path, "execute", "--keep-going")
    wait_for_file(tmp_path / "started", alive=first)
    store = file_store(tmp_path / "jugfile.jugdata")
    while not store.failures():
        assert first.process.poll() is None
    for options in ((), ("--locks-only",), ("--keep-locks",)):
        assert "record" not in jug(tmp_path, "cleanup", *options).out
    second = start(tmp_path, "execute", "--wait-cycle-time", "0.1", "--verbose", "info")
    while "Waiting" not in second.process.stderr.readline():
        assert second.process.poll() is None
    (tmp_path / "go").touch()
    assert (first.wait().code, second.wait().code) == (1, 1)
    assert (tmp_path / "runs").read_text() == "x"
    assert jug(tmp_path, "cleanup", "--locks-only").out == "Removed 0 locks\nRemoved 1 record of failures\n"
    assert jug(tmp_path, "execute").code == 1  # a new run
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_worker_that_is_told_to_retry_does_so_in_the_middle_of_a_run(tmp_path):
    write(tmp_path, FAILING)
    first = start(tmp_path, "execute", "--keep-going")
    wait_for_file(tmp_path / "started", alive=first)
    store = file_store(tmp_path / "jugfile.jugdata")
    while not store.failures():
        assert first.process.poll() is None
    second = jug(tmp_path, "execute", "--retry-failed")
    assert second.code == 1 and second.last.startswith("jug: 1 task failed (jugfile.fails).")
    assert (tmp_path / "runs").read_text() == "xx"
    third = jug(tmp_path, "execute", "--nr-wait-cycles", "0")
    assert third.code == 1 and "1 task failed in another worker (jugfile.fails)." in third.last
    assert (tmp_path / "runs").read_text() == "xx"
    (tmp_path / "go").touch()
    assert first.wait().code == 1


def test_a_stopped_worker_loses_its_task_after_its_lease(tmp_path):
    use(tmp_path, PAIR)
    first = start(tmp_path, "execute", "--lease", "1")
    wait_for_file(tmp_path / "started", alive=first)
    first.process.send_signal(signal.SIGSTOP)
    (tmp_path / "go").touch()
    second = jug(tmp_path, "execute", "--wait-cycle-time", "0.2")
    assert (second.code, second.table()["Total:"]["Executed"]) == (0, 2)
    first.process.send_signal(signal.SIGCONT)
    done = first.wait()
    assert done.code == 0 and "was run by another worker, too" in done.err
