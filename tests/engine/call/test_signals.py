"""Real signals."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from jug.backends.file_store import file_store
from jug.backends.system import signals
from jug.engine.call.signals import Interrupted, Interrupts

ROOT = Path(__file__).resolve().parents[3]

WORKER = """
import sys, time, jug, jug.task
from jug import Task
from jug.backends.system import signals
from jug.backends.file_store import file_store
from jug.engine.graph import Graph
from jug.engine.call.signals import Interrupted
from jug.engine.run.scheduler import Scheduler, Settings

class Slow(file_store):
    def dump_soon(self, obj, name, lock):
        if {slow_dump}:
            say("dumping")
            time.sleep(0.5)
        return super().dump_soon(obj, name, lock)

def say(word):
    print(word, flush=True)

def work(x):
    say("working")
    if not {slow_dump}:
        time.sleep(60)
    return x

if __name__ == "__main__":
    Task.store = store = Slow({jugdir!r})
    Task(work, 1)
    if {wait}:
        store.getlock(jug.task.alltasks[0].hash()).get()
    try:
        if {wait}:
            say("waiting")
        Scheduler(Graph(jug.task.alltasks), store, Settings(keep_failed=True)).run()
    except Interrupted as error:
        say(f"interrupted {{error.signum}} {{error}}")
        sys.exit(128 + error.signum)
"""


def start(tmp_path, slow_dump=False, wait=False):
    script = tmp_path / "worker.py"
    jugdir = str(tmp_path / "jugdir")
    script.write_text(dedent(WORKER).format(jugdir=jugdir, slow_dump=slow_dump, wait=wait))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=env)
    return process, file_store(jugdir)


def wait_for(process, word):
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"the worker ended without saying {word!r}")


SIGNALS = list(signals.SIGNALS)


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_interrupts_a_task_and_its_lock_is_released(tmp_path, signum):
    process, store = start(tmp_path)
    with process:
        wait_for(process, "working")
        assert len(list(store.listlocks())) == 1
        process.send_signal(signum)
        assert f"interrupted {int(signum)} stopped by {signum.name}" in process.stdout.read()
    assert process.returncode == 128 + signum
    assert list(store.listlocks()) == [] and list(store.list()) == []


def test_a_signal_while_a_result_is_written_is_deferred(tmp_path):
    process, store = start(tmp_path, slow_dump=True)
    with process:
        wait_for(process, "dumping")
        process.send_signal(signal.SIGTERM)
        assert "interrupted 15" in process.stdout.read()
    assert process.returncode == 128 + 15
    assert list(store.listlocks()) == [] and len(list(store.list())) == 2  # the result, and the note on the script


def test_a_signal_interrupts_waiting(tmp_path):
    process, store = start(tmp_path, wait=True)
    with process:
        wait_for(process, "waiting")
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    # Either in the pause or before the scheduler had begun, when the signal ends the process as usual.
    assert process.returncode in (128 + 15, -15)
    assert [lock for lock in store.lock_details().values() if not lock.abandoned] == []


def test_handlers_are_restored():
    before = [signal.getsignal(signum) for signum in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(signum) for signum in SIGNALS] != before
    assert [signal.getsignal(signum) for signum in SIGNALS] == before


def test_a_signal_raises_only_where_it_is_allowed():
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted) as caught, interrupts.allowed():
            raise AssertionError("not reached")
        assert caught.value.signum == signal.SIGTERM
        interrupts._pending = None
        with pytest.raises(Interrupted), interrupts.allowed():
            os.kill(os.getpid(), signal.SIGTERM)
        interrupts._pending = None
        interrupts.check()


def test_a_signal_that_nobody_looked_at_is_not_lost():
    with pytest.raises(Interrupted), Interrupts():
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            interrupts.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_nothing_is_caught():
    import threading

    found = []

    def enter():
        with Interrupts() as interrupts, interrupts.allowed():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


def test_a_handler_that_was_set_meanwhile_stays():
    before = signal.getsignal(signal.SIGUSR1)
    mine = lambda signum, frame: None  # noqa: E731
    try:
        with Interrupts():
            signal.signal(signal.SIGUSR1, mine)
        assert signal.getsignal(signal.SIGUSR1) is mine
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_catches_an_interruption_has_not_escaped():
    def swallows():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Interrupted:
            pass

    with pytest.raises(Interrupted), Interrupts() as interrupts, interrupts.allowed():
        swallows()


def test_a_handler_of_the_users_is_called_only_where_ours_would_raise():
    told = []
    before = signal.signal(signal.SIGTERM, lambda signum, frame: told.append(signum))
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGTERM)
            assert told == []
            with interrupts.allowed():
                assert told == [signal.SIGTERM]
                os.kill(os.getpid(), signal.SIGTERM)
            assert told == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)
