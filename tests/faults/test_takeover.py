"""How soon the task of one who died is run by another, and that one of many has it then: real processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ROOT, environment, jug, start, wait_for_file, write

from jug.backends.file_store import file_store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

# The first one who runs it takes for ever; it is noted who runs it, and when.
JUGFILE = """
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def once(x):
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, f"{os.getpid()} {time.monotonic()}\\n".encode())
        first = os.fstat(log).st_size < 60 and len(open("log").read().splitlines()) == 1
        while first and not os.path.exists("go-on"):
            time.sleep(0.01)
        return "first" if first else "second"

    result = once(1)
"""


def runs(where):
    return [line.split() for line in (where / "log").read_text().splitlines()] if (where / "log").exists() else []


def until(condition, alive=()):
    end = time.monotonic() + 120
    while not condition():
        assert all(worker.process.poll() is None for worker in alive), [worker.wait() for worker in alive]
        assert time.monotonic() < end, "it takes for ever"
        time.sleep(0.01)


def result(where):
    store = file_store(where / "jugfile.jugdata")
    return [store.load(name) for name in store.list()]


@pytest.mark.parametrize("with_watchdog", [False, True])
def test_on_the_same_machine_it_runs_elsewhere_at_once(tmp_path, with_watchdog):
    """Also if the other has waited for so long that its pauses have become long. (A bound, and not a measurement.)"""
    write(tmp_path, JUGFILE)
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "log", alive=first)
    second = start(tmp_path, "execute", "--wait-cycle-time", "300")
    time.sleep(12)  # by now its pauses are longer than what is allowed
    if with_watchdog:
        subprocess.run(["pkill", "-KILL", "-P", str(first.pid)], check=True)
    killed = time.monotonic()
    first.kill()
    until(lambda: len(runs(tmp_path)) == 2, [second])
    assert float(runs(tmp_path)[1][1]) - killed < 2.0
    assert second.wait().code == 0
    assert result(tmp_path) == ["second"]
    assert os.listdir(tmp_path / "jugfile.jugdata" / "locks") == []


def elsewhere(where, *arguments):
    """A worker with another host name, among other processes: for those outside, on another machine."""
    from processes import Running

    unshare = ["unshare", "--pid", "--fork", "--uts", "--kill-child", "--mount-proc"]
    words = [*unshare, "sh", "-c", 'hostname elsewhere; exec "$@"', "sh", sys.executable, "-m", "jug", *arguments]
    env = {**environment(where), "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return Running(subprocess.Popen(words, cwd=where, env=env, encoding="utf-8", **pipes))


@pytest.fixture
def namespaces():
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here")
    tried = subprocess.run(
        ["unshare", "--pid", "--fork", "--uts", "--mount-proc", "true"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"this user, or this system, cannot make namespaces of processes: {tried.stderr.decode().strip()}")


LEASE = 4.0


@pytest.mark.usefixtures("namespaces")
def test_of_another_machine_it_runs_elsewhere_after_the_lease(tmp_path):
    write(
        tmp_path, JUGFILE + f"    once.f.__globals__['__name__']\n    import jug\n    jug.Task.store.lease = {LEASE}\n"
    )
    first = elsewhere(tmp_path, "execute")
    wait_for_file(tmp_path / "log", alive=first)
    second = start(tmp_path, "execute", "--wait-cycle-time", "0.2")
    time.sleep(3 * LEASE)
    assert len(runs(tmp_path)) == 1, "who lives was robbed"
    # With a machine, its watchdog is gone; here it might live for a moment longer than the worker, and tell.
    worker = subprocess.run(["pgrep", "-P", str(first.pid)], check=True, capture_output=True, encoding="ascii")
    subprocess.run(["pkill", "-KILL", "-P", worker.stdout.strip()], check=True)
    first.kill()
    killed = time.monotonic()
    until(lambda: len(runs(tmp_path)) == 2, [second])
    waited = float(runs(tmp_path)[1][1]) - killed
    assert waited >= LEASE * 0.8, "sooner than it could be known"
    assert second.wait().code == 0
    jug(tmp_path, "cleanup")
    assert os.listdir(tmp_path / "jugfile.jugdata" / "locks") == []


def test_a_worker_that_was_stopped_for_longer_than_its_lease_harms_nobody(tmp_path):
    write(tmp_path, JUGFILE + f"    import jug\n    jug.Task.store.lease = {LEASE}\n")
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "log", alive=first)
    os.kill(first.pid, signal.SIGSTOP)
    second = start(tmp_path, "execute", "--wait-cycle-time", "0.2")
    assert second.wait().code == 0
    assert len(runs(tmp_path)) == 2
    store = file_store(tmp_path / "jugfile.jugdata")
    (name,) = store.list()
    # Somebody else has the lock by the time that it goes on: it is to leave that alone, too.
    lock = store.getlock(name)
    assert lock.get()
    (tmp_path / "go-on").touch()
    os.kill(first.pid, signal.SIGCONT)
    finished = first.wait()
    assert finished.code == 0
    assert "was run by another worker, too" in finished.err
    assert result(tmp_path) == ["second"]
    assert lock.is_ours()
    lock.release()
    store.close()


def test_of_a_hundred_contenders_for_a_stale_lock_one_wins_a_thousand_times(tmp_path):
    """In a program of its own: a process that has run many tests is large, and so would be all that it forks."""
    contest = [sys.executable, str(Path(__file__).parent / "contest.py"), str(tmp_path)]
    env = {**environment(tmp_path), "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(contest, env=env, capture_output=True, encoding="utf-8", check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == ["1"] * 1000
