"""Pass after pass, as long as barriers open."""

import pytest
from simulated import Events, FakeWorld

import jug.task
from jug import Task
from jug.backends.dict_store import dict_store
from jug.engine.loading.jugfile import Jugfile, JugfileRaised
from jug.engine.run.execution import Execution
from jug.engine.run.outcome import Ending
from jug.engine.run.scheduler import Settings
from jug.errors import StoreError

HEAD = """
import jug
from jug import TaskGenerator, CompoundTask, barrier, bvalue, value
from notes import ran, loads
loads.append(1)
@TaskGenerator
def f(x, *needs):
    ran.append(x)
    if x == "bad":
        raise ValueError("bad")
    return x
"""


@pytest.fixture
def notes(monkeypatch):
    """A module that jugfiles write into."""
    import sys
    from types import ModuleType

    module = ModuleType("notes")
    module.ran, module.loads = [], []
    monkeypatch.setitem(sys.modules, "notes", module)
    return module


@pytest.fixture
def execute(tmp_path, monkeypatch, store, notes):
    monkeypatch.chdir(tmp_path)

    def execute(text, selects=None, world=None, **settings):
        (tmp_path / "jugfile.py").write_text(HEAD + text)
        jugfile = Jugfile("jugfile.py")
        space = jugfile.load()
        execute.log = Events()
        execution = Execution(jugfile, store, Settings(**settings), execute.log, selects, world or FakeWorld())
        return execution.run(space)

    return execute


def test_without_barriers_there_is_one_pass(execute, notes):
    outcome = execute("f(f(1))")
    assert outcome.exit_code == 0 and notes.ran == [1, 1] and len(notes.loads) == 1


def test_barriers_open_one_after_the_other(execute, notes):
    outcome = execute("x = f(1)\nbarrier()\ny = f(value(x) + 1)\nbarrier()\nf(value(y) + 1)")
    assert outcome.exit_code == 0 and notes.ran == [1, 2, 3] and len(notes.loads) == 3
    assert len(jug.task.alltasks) == 3


def test_bvalue_waits_for_its_task(execute, notes):
    outcome = execute("n = bvalue(f(3))\nfor i in range(n): f(i)")
    assert outcome.exit_code == 0 and notes.ran == [3, 0, 1, 2]


def test_a_loop_over_barriers(execute, notes):
    outcome = execute("x = 0\nwhile x < 20:\n    x = bvalue(f(x + 1))")
    assert outcome.exit_code == 0 and notes.ran == list(range(1, 21))


def test_what_was_found_before_a_barrier_is_told_once(execute, notes):
    execute("x = f(1)\nbarrier()\nf(2)")
    assert len(execute.log.of("executed")) == 2 and execute.log.of("loadable") == []
    execute("x = f(1)\nbarrier()\nf(2)\nf(3)")
    assert len(execute.log.of("loadable")) == 2


def test_a_failure_before_a_barrier_does_not_loop(execute, notes):
    outcome = execute("f('bad')\nf(1)\nbarrier()\nf(2)")
    assert outcome.exit_code == 1 and notes.ran == ["bad"]


def test_keep_going_with_a_failure_before_a_barrier(execute, notes):
    outcome = execute("f('bad')\nf(1)\nbarrier()\nf(2)", keep_going=True)
    assert outcome.exit_code == 1 and sorted(notes.ran, key=str) == [1, "bad"]
    assert len(notes.loads) <= 2 and [task.args for task in outcome.failures] == [("bad",)]


def test_keep_going_passes_a_bvalue_that_does_not_need_the_failure(execute, notes):
    outcome = execute("f('bad')\nn = bvalue(f(2))\nf(3)", keep_going=True)
    assert outcome.exit_code == 1 and sorted(notes.ran, key=str) == [2, 3, "bad"]
    assert len(outcome.failures) == 1


def test_without_keep_going_nothing_is_run_after_a_failure_in_another_pass(execute, notes):
    outcome = execute("n = bvalue(f(2))\nf('bad')\nbarrier()\nf(3)\n")
    assert outcome.exit_code == 1 and notes.ran == [2, "bad"]


def test_a_selection_and_a_barrier_that_waits_for_others(execute, notes, store):
    other = "from notes import ran\n"
    outcome = execute(
        other + "@TaskGenerator\ndef g(x): return x\ng(1)\nf(2)\nbarrier()\nf(3)",
        selects=lambda name: name == "jugfile.f",
        wait_cycle_time=1,
        nr_wait_cycles=3,
    )
    assert (outcome.ending, outcome.exit_code) == (Ending.GAVE_UP, 3) and notes.ran == [2]


def test_a_selection_goes_on_when_others_open_the_barrier(execute, notes, store):
    def others_work():
        next(task for task in jug.task.alltasks if task.name == "jugfile.g").run()

    outcome = execute(
        "@TaskGenerator\ndef g(x): return x\ng(1)\nf(2)\nbarrier()\nf(3)",
        selects=lambda name: name == "jugfile.f",
        world=FakeWorld(lambda: None, others_work),
    )
    assert outcome.exit_code == 0 and notes.ran == [2, 3]


def test_a_compound_disappears_when_it_is_done(execute, notes):
    text = "def c(x): return f(f(x))\nCompoundTask(c, 1)\nbarrier()\nf(5)"
    outcome = execute(text)
    assert outcome.exit_code == 0 and notes.ran == [1, 1, 5]
    assert [task.name for task in jug.task.alltasks] == ["jugfile.c", "jugfile.f"]


def test_a_jugfile_that_raises_in_a_later_pass(execute, notes):
    with pytest.raises(JugfileRaised, match="ZeroDivisionError"):
        execute("f(1)\nbarrier()\n1 / 0")
    assert notes.ran == [1]


def test_a_barrier_that_never_opens_ends(execute, notes):
    outcome = execute("from jug.barrier import BarrierError\nf(1)\nraise BarrierError('never')")
    assert (outcome.ending, outcome.exit_code) == (Ending.GAVE_UP, 3) and "barrier" in outcome.sentence()
    assert len(notes.loads) < 10


def test_a_bvalue_of_a_task_taken_out_of_the_list(execute, notes, store):
    text = "import jug.task\nt = f(1)\ndel jug.task.alltasks[:]\nf(2)\nbvalue(t)\nf(3)"

    def others_work():
        hidden = Task(jug.task.alltasks[0].f, 1)
        del jug.task.alltasks[-1]
        hidden.run()

    outcome = execute(text, world=FakeWorld(others_work))
    assert outcome.exit_code == 0 and notes.ran == [2, 1, 3]


def test_the_store_that_the_jugfile_chooses_is_used(execute, notes, store):
    notes.store = dict_store()
    outcome = execute("import notes\njug.set_jugdir(notes.store)\nx = f(1)\nbarrier()\nf(value(x) + 1)")
    assert outcome.exit_code == 0 and notes.ran == [1, 2]
    assert len(list(notes.store.list())) == 2 and list(store.list()) == []


def test_who_ends_complete_clears_up_what_the_dead_have_left(execute, store, monkeypatch):
    asked = []
    monkeypatch.setattr(store, "remove_abandoned", lambda failed=True: asked.append(failed), raising=False)
    assert execute("f(1)").exit_code == 0 and asked == [False]
    assert execute("f(1)").exit_code == 0 and asked == [False, False]  # also where there was nothing to do
    assert execute("f('bad')").exit_code == 1 and asked == [False, False]


def test_where_nothing_can_be_cleared_up_all_is_complete_all_the_same(execute, store, monkeypatch):
    def refuse(failed=True):
        raise StoreError("Cannot remove anything: Read-only file system")

    monkeypatch.setattr(store, "remove_abandoned", refuse, raising=False)
    assert execute("f(1)").exit_code == 0
