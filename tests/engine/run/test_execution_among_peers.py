"""Barriers, while other workers are at work."""

import sys
from types import ModuleType

import pytest
from simulated import Events, FakeWorld, Leases, finish, names_of_locks, worker

import jug.task
from jug.engine.loading.jugfile import Jugfile, JugfileRaised
from jug.engine.run.execution import Execution
from jug.engine.run.outcome import Ending
from jug.engine.run.settings import Settings

HEAD = """
import jug, notes
from jug import TaskGenerator, barrier, bvalue, value

notes.loads += 1

@TaskGenerator
def f(x, *needs):
    notes.ran.append(x)
    if x == "bad":
        raise ValueError(x)
    return x

@TaskGenerator
def g(x):
    notes.ran.append(("g", x))
    return x
"""


@pytest.fixture
def notes(monkeypatch):
    """What the jugfile tells."""
    module = ModuleType("notes")
    module.ran, module.loads = [], 0
    monkeypatch.setitem(sys.modules, "notes", module)
    return module


@pytest.fixture
def prepare(tmp_path, monkeypatch, store, notes):
    """Read a jugfile; returns a function that executes it, and the tasks of the first reading."""
    monkeypatch.chdir(tmp_path)

    def prepare(text):
        (tmp_path / "jugfile.py").write_text(HEAD + text)
        jugfile = Jugfile("jugfile.py")
        space = jugfile.load()

        def execute(*others, selects=None, **settings):
            execute.world, execute.log = FakeWorld(*others), Events()
            return Execution(jugfile, store, Settings(**settings), execute.log, selects, execute.world).run(space)

        return execute, jug.task.alltasks[:]

    return prepare


def test_bvalue_goes_on_although_other_tasks_are_busy_elsewhere(prepare, notes, store):
    execute, (slow, _) = prepare("f('slow')\nn = bvalue(f(2))\nnotes.seen = n\nf('after')\n")
    lock = store.getlock(slow.hash())
    assert lock.get()

    def finish_slow():
        assert notes.ran == [2, "after"]  # before there was a pause
        finish(store, slow)
        lock.release()

    assert execute(finish_slow).exit_code == 0
    assert notes.ran == [2, "after"] and notes.seen == 2
    assert len(execute.world.naps) == 1


def test_bvalue_of_a_task_that_is_busy_elsewhere_goes_on_when_that_is_finished(prepare, notes, store):
    execute, (needed,) = prepare("notes.seen = bvalue(f(2))\nf('after')\n")
    lock = store.getlock(needed.hash())
    assert lock.get()

    def finish_needed():
        finish(store, needed)
        lock.release()

    assert execute(lambda: None, finish_needed).exit_code == 0
    assert notes.ran == ["after"] and notes.seen == "by another"


def test_a_barrier_waits_for_what_is_busy_elsewhere(prepare, notes, store):
    execute, (slow, _) = prepare("f('slow')\nf(1)\nbarrier()\nf('after')\n")
    lock = store.getlock(slow.hash())
    assert lock.get()

    def finish_slow():
        assert notes.ran == [1]
        finish(store, slow)
        lock.release()

    assert execute(lambda: None, finish_slow).exit_code == 0
    assert notes.ran == [1, "after"] and notes.loads == 2


def test_a_barrier_behind_a_failure_elsewhere_ends_at_once(prepare, notes, store):
    execute, (failed, _) = prepare("f('failed')\nf(1)\nbarrier()\nf('after')\n")
    lock = store.getlock(failed.hash())
    assert lock.get() and lock.fail()
    outcome = execute()
    assert (outcome.ending, outcome.exit_code, outcome.failures) == (Ending.FAILED, 1, [])
    assert notes.ran == [1] and execute.world.naps == []


def test_the_barrier_of_a_selection_that_others_never_open(prepare, notes, store):
    execute, _ = prepare("g(1)\nf(2)\nbarrier()\nf('after')\n")
    outcome = execute(selects=lambda name: name == "jugfile.f", wait_cycle_time=2, nr_wait_cycles=5)
    assert (outcome.ending, outcome.exit_code) == (Ending.GAVE_UP, 3)
    assert notes.ran == [2] and execute.world.now == pytest.approx(10)
    assert names_of_locks(store) == set()


def test_a_failure_is_run_once_however_often_the_jugfile_is_read(prepare, notes):
    execute, _ = prepare("f('bad')\nx = 0\nwhile x < 5:\n    x = bvalue(f(x + 1))\nbarrier()\nf('after')\n")
    outcome = execute(keep_going=True)
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 1)
    assert notes.ran.count("bad") == 1 and [x for x in notes.ran if x != "bad"] == [1, 2, 3, 4, 5]
    assert [task.args for task in outcome.failures] == [("bad",)]
    assert notes.loads <= 8 and execute.world.naps == []


def test_a_jugfile_that_raises_on_the_second_reading_leaves_no_lock(prepare, notes, store):
    execute, (first,) = prepare("f(1)\nif notes.loads > 1:\n    raise LookupError('second')\nbarrier()\nf('after')\n")
    with pytest.raises(JugfileRaised) as caught:
        execute()
    assert "LookupError: second" in caught.value.report()
    assert store.can_load(first.hash()) and names_of_locks(store) == set()


def test_a_barrier_that_never_opens_although_its_results_are_there(prepare, notes):
    execute, _ = prepare(
        "from jug.barrier import BarrierError\nt = f(1)\nraise BarrierError('no', frozenset({t.hash()}))\n"
    )
    outcome = execute()
    assert (outcome.ending, outcome.exit_code) == (Ending.GAVE_UP, 3)
    assert "although the results that it needs are there" in outcome.sentence()
    assert notes.ran == [1] and notes.loads < 10 and execute.world.naps == []


def test_results_that_are_removed_behind_a_barrier_are_computed_again(prepare, notes, store):
    execute, (first,) = prepare("t = f(1)\nbarrier()\nif notes.loads == 2:\n    t.invalidate()\nf('after', t)\n")
    assert execute().exit_code == 0
    assert notes.ran == [1, 1, "after"] and store.can_load(first.hash())


def test_what_failed_elsewhere_is_tried_again_once_if_that_is_asked_for_however_often_the_jugfile_is_read(
    prepare, notes, store
):
    execute, (bad, *_) = prepare("f('bad')\nf(1)\nx = bvalue(f(2))\ny = bvalue(f(3))\nf('bad', 'later')\n")
    store.record_failure(bad.hash(), {"run": store.run_id(), "worker": "another"})
    outcome = execute(keep_going=True, retry_failed=True)
    assert (outcome.exit_code, notes.loads) == (1, 3)
    assert sorted(map(str, notes.ran)) == ["1", "2", "3", "bad", "bad"]


def test_what_failed_elsewhere_behind_the_barrier_is_not_run(prepare, notes, store):
    execute, (first,) = prepare("f(1)\nbarrier()\nf('bad')\nf('good')\n")
    later = jug.task.Task(first.f, "bad")
    later.name = "jugfile.f"
    jug.task.alltasks.pop()
    store.record_failure(later.hash(), {"run": store.run_id(), "worker": "another"})
    outcome = execute()
    assert notes.ran == [1, "good"] and outcome.exit_code == 1
    assert "1 task failed in another worker (jugfile.f)." in outcome.sentence()


def test_a_lock_that_is_left_behind_and_cannot_be_taken_over_is_not_tried_without_a_pause():
    """Somebody was lost in the middle of taking it over, perhaps, and his turn has to run out first."""
    jug.task.Task.store = store = Leases()
    task = jug.task.Task(len, "x")
    name = task.hash()
    assert Leases(store, ("node2", 2, "w2")).getlock(name).get()
    store.gone.add(name)
    tried, plain = [], store.getlock

    def getlock(name):
        tried.append(name)
        return plain(name)

    store.getlock = getlock
    scheduler = worker([task], store, wait_cycle_time=2, nr_wait_cycles=10)
    outcome = scheduler.run()
    assert (outcome.ending, outcome.exit_code) == (Ending.GAVE_UP, 3)
    assert len(scheduler.world.naps) < 30
    assert len(tried) < 3 * len(scheduler.world.naps)
