"""Real signals to a worker that surely waits: it says so in the middle of its pause."""

import pytest
from processes import start_python, wait_for_file, write

from jug.backends.file_store import file_store
from jug.backends.system.signals import SIGNALS
from jug.errors import EXIT_SIGNAL

WORKER = """
import time
from pathlib import Path

import jug.task
from jug import Task
from jug.backends.system.signals import SIGNALS
from jug.backends.file_store import file_store
from jug.engine.graph import Graph
from jug.engine.call.signals import Interrupted
from jug.engine.run.scheduler import Scheduler
from jug.engine.run.settings import World


class Slow(file_store):
    def flush(self):
        Path("dumping").touch()
        while not Path("go-on").exists():
            time.sleep(0.005)
        return super().flush()


def work(x):
    return x


def pause(seconds):
    Path("waiting").touch()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    jug.task.Task.store = store = Slow("jugdir")
    free, busy = Task(work, "free"), Task(work, "busy")
    {before}
    try:
        Scheduler(Graph(jug.task.alltasks), store, world=World(sleep=pause)).run()
    except Interrupted as stopped:
        raise SystemExit(128 + stopped.signum)
"""
WAIT = "Path('is').rename('busy'); [time.sleep(0.005) for _ in iter(Path('locked').exists, True)]"


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_the_pause_and_leaves_the_locks_of_others(tmp_path, signum):
    before = "store.dump(1, free.hash()); Path('is').write_text(busy.hash().decode()); " + WAIT
    worker = start_python(tmp_path, write(tmp_path, WORKER.format(before=before), "worker.py"))
    wait_for_file(tmp_path / "busy", alive=worker)
    store = file_store(tmp_path / "jugdir")
    assert store.getlock((tmp_path / "busy").read_text()).get()
    (tmp_path / "locked").touch()
    wait_for_file(tmp_path / "waiting", alive=worker)
    worker.process.send_signal(signum)
    assert worker.wait().code == EXIT_SIGNAL + signum
    assert (len(list(store.list())), len(list(store.listlocks()))) == (1, 1)


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_while_results_are_written_waits_until_they_are_stored(tmp_path, signum):
    worker = start_python(tmp_path, write(tmp_path, WORKER.format(before="pass"), "worker.py"))
    wait_for_file(tmp_path / "dumping", alive=worker)
    worker.process.send_signal(signum)
    (tmp_path / "go-on").touch()
    assert worker.wait().code == EXIT_SIGNAL + signum
    store = file_store(tmp_path / "jugdir")
    assert (len(list(store.list())), list(store.listlocks())) == (3, [])  # with the note on the script
