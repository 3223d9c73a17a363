"""``jug execute`` and signals: whatever the task is doing, the lock is released and the exit status is 128 + signal."""

import os
import signal
import time

import pytest
from processes import jug, start, wait_for_file, write

from jug.backends.file_store import file_store
from jug.backends.system.signals import SIGNALS

JUGFILE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from jug import TaskGenerator

{before}

@TaskGenerator
def work(x):
    {body}
    return "wrong"

work(1)
"""
STARTED = 'Path("started").touch()'

# What the task does; each says when it has begun.
DOING = {
    "in Python": f"{STARTED}\n    while True: pass",
    # Not before it is waited for: what interrupts its being started would leave it behind.
    "in a subprocess": 'subprocess.run(["sh", "-c", "read x; touch started; exec sleep 100"], input=b"x\\n")',
    "in a C call that comes back": f"{STARTED}\n    time.sleep(100)",
    "in a C call that comes back later": 'os.system("touch started; until [ -e go ]; do sleep 0.05; done")',
    "in an except that swallows": f"try: {STARTED}; time.sleep(100)\n    except: pass",
    "in a destructor": (
        f"class Slow:\n        def __del__(self):\n            {STARTED}; time.sleep(100)\n    slow = Slow(); del slow"
    ),
}


def run(where, body, before=""):
    write(where, JUGFILE.format(body=body, before=before))
    worker = start(where, "execute", "--keep-going", "--keep-failed")
    wait_for_file(where / "started", alive=worker)
    return worker


def left(where):
    """How many results, locks and failures there are."""
    store = file_store(where / "jugfile.jugdata")
    return len([*store.list()]), len([*store.listlocks()]), len(store.failures())


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
@pytest.mark.parametrize("doing", [*DOING][:2])
def test_every_signal_that_is_to_end_a_worker_does(tmp_path, doing, signum):
    worker = run(tmp_path, DOING[doing])
    worker.process.send_signal(signum)
    done = worker.wait()
    assert (done.code, done.out) == (128 + signum, "")
    assert done.err == f"jug: Stopped by {signum.name}; all locks are released\n"
    assert left(tmp_path) == (0, 0, 0)


@pytest.mark.parametrize("doing", [*DOING][2:])
@pytest.mark.filterwarnings("ignore")
def test_whatever_the_task_is_doing_the_worker_ends_and_nothing_of_it_counts(tmp_path, doing):
    worker = run(tmp_path, DOING[doing])
    worker.process.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    done = worker.wait()
    assert (done.code, done.out) == (143, "")
    assert done.last == "jug: Stopped by SIGTERM; all locks are released"
    assert left(tmp_path) == (0, 0, 0)


def test_a_task_that_catches_the_first_signal_and_goes_on_is_ended_by_a_later_one(tmp_path):
    body = f"try: {STARTED}; time.sleep(100)\n    except BaseException: Path('caught').touch(); time.sleep(100)"
    worker = run(tmp_path, body)
    worker.process.send_signal(signal.SIGTERM)
    wait_for_file(tmp_path / "caught", alive=worker)
    while worker.process.poll() is None:
        worker.process.send_signal(signal.SIGINT)
        time.sleep(0.001)  # as fast as nobody is; faster than that, Python itself may be ended at its very end
    assert worker.wait().code == 130
    assert left(tmp_path) == (0, 0, 0)


def test_what_a_task_cleans_up_is_not_interrupted_by_the_same_signal_sent_twice(tmp_path):
    body = (
        f"try: {STARTED}; time.sleep(100)\n    finally:\n        Path('caught').touch()"
        "\n        while not os.path.exists('go'): time.sleep(0.01)\n        print('clean')"
    )
    worker = run(tmp_path, body)
    worker.process.send_signal(signal.SIGXCPU)
    wait_for_file(tmp_path / "caught", alive=worker)
    worker.process.send_signal(signal.SIGXCPU)
    (tmp_path / "go").touch()
    done = worker.wait()
    assert (done.code, done.out) == (128 + signal.SIGXCPU, "clean\n")


def test_a_task_with_a_handler_of_its_own_keeps_it(tmp_path):
    body = (
        "told = []\n    signal.signal(signal.SIGUSR1, lambda *_: told.append(1))\n"
        f"    {STARTED}\n    while not told: time.sleep(0.01)"
    )
    worker = run(tmp_path, body)
    worker.process.send_signal(signal.SIGUSR1)
    assert worker.wait().code == 0
    assert left(tmp_path) == (1, 0, 0)


NOTES = "told = []\nsignal.signal(signal.SIGTERM, lambda *_: told.append(1))"


def test_a_handler_of_the_jugfile_is_called_and_the_worker_goes_on_if_that_is_all(tmp_path):
    worker = run(tmp_path, f"{STARTED}\n    while not told: time.sleep(0.01)", NOTES)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait().code == 0
    assert left(tmp_path) == (1, 0, 0)


def test_a_handler_of_the_jugfile_that_exits_is_the_end_of_the_worker_and_no_failure(tmp_path):
    worker = run(tmp_path, DOING["in Python"], "signal.signal(signal.SIGTERM, lambda *_: sys.exit('enough'))")
    worker.process.send_signal(signal.SIGTERM)
    done = worker.wait()
    assert (done.code, done.err) == (143, "jug: Stopped by SIGTERM; all locks are released\n")
    assert left(tmp_path) == (0, 0, 0)


def test_a_signal_that_faulthandler_was_registered_for_shows_the_tracebacks_and_ends_nothing(tmp_path):
    before = "import faulthandler; faulthandler.register(signal.SIGUSR1, open('traces', 'w'))"
    worker = run(tmp_path, f"{STARTED}\n    while not os.path.exists('go'): time.sleep(0.01)", before)
    worker.process.send_signal(signal.SIGUSR1)
    while "in work" not in (tmp_path / "traces").read_text():
        assert worker.process.poll() is None
    (tmp_path / "go").touch()
    assert worker.wait().code == 0


def test_what_is_ignored_stays_ignored(tmp_path):
    write(tmp_path, JUGFILE.format(body=f"{STARTED}\n    while not os.path.exists('go'): time.sleep(0.01)", before=""))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        worker = start(tmp_path, "execute")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for_file(tmp_path / "started", alive=worker)
    worker.process.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    assert worker.wait().code == 0


def test_the_children_of_a_task_end_by_the_signals_too(tmp_path):
    before = "import multiprocessing\ndef sleep():\n    Path('child').touch()\n    time.sleep(100)"
    body = (
        "child = multiprocessing.get_context('fork').Process(target=sleep)\n    child.start()"
        f"\n    while not os.path.exists('child'): time.sleep(0.01)\n    {STARTED}"
        "\n    os.kill(child.pid, signal.SIGUSR1)\n    child.join()\n    assert child.exitcode == -signal.SIGUSR1"
    )
    assert run(tmp_path, body, before).wait().code == 0


def test_a_task_that_was_interrupted_is_ready_again(tmp_path):
    worker = run(tmp_path, f"{STARTED}\n    while not os.path.exists('go'): time.sleep(0.01)")
    worker.process.send_signal(signal.SIGUSR2)
    assert worker.wait().code == 128 + signal.SIGUSR2
    assert jug(tmp_path, "status", "--short").out == "1 task waiting to be run, 0 failed, 0 complete, (none active).\n"
    (tmp_path / "go").touch()
    assert jug(tmp_path, "execute").code == 0


PROGRAM = '["sh", "-c", "echo $$ > started.new; mv started.new started; exec sleep 100"]'
WAITS = {
    "subprocess": f"subprocess.run({PROGRAM}, check=True)",
    "a shell": (
        "Path('sleeps').write_text('echo $$ > n; mv n started; exec sleep 100')\n    "
        "subprocess.check_call(['sh', '-c', 'sh sleeps; exit $?'])"
    ),
    "jug_execute": f"from jug.utils import jug_execute\n    jug_execute.f({PROGRAM})",
    "another error": (
        f"try: subprocess.run({PROGRAM}, check=True)\n    except Exception as error: raise ValueError('no') from error"
    ),
}


def end_the_program(worker, where):
    """End the program that the task waits for, and return when the worker knows."""
    pid = int((where / "started").read_text())
    os.kill(pid, signal.SIGTERM)
    try:
        while worker.process.poll() is None:
            os.kill(pid, 0)
    except ProcessLookupError:
        pass


@pytest.mark.parametrize("body", WAITS.values(), ids=WAITS)
def test_a_task_whose_program_gets_the_signal_first_has_not_failed(tmp_path, body):
    worker = run(tmp_path, body)
    end_the_program(worker, tmp_path)
    worker.process.send_signal(signal.SIGTERM)
    done = worker.wait()
    assert (done.code, done.last) == (143, "jug: Stopped by SIGTERM; all locks are released")
    assert left(tmp_path) == (0, 0, 0)


def test_a_task_whose_program_alone_was_ended_has_failed(tmp_path):
    worker = run(tmp_path, WAITS["subprocess"])
    end_the_program(worker, tmp_path)
    assert worker.wait().code == 1
    assert left(tmp_path) == (0, 1, 1)
