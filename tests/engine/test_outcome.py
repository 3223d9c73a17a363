"""How the work ended, as a sentence and an exit status."""

import pytest

from jug import Task
from jug.engine.outcome import Ending, Outcome

NOTHING = {"running": 0, "ready": 0, "waiting": 0, "failed": 0}


def f():
    pass


def g():
    pass


@pytest.mark.parametrize(
    ("ending", "failures", "code"),
    [
        (Ending.COMPLETE, 0, 0),
        (Ending.COMPLETE, 1, 1),
        (Ending.FAILED, 1, 1),
        (Ending.FAILED, 0, 1),
        (Ending.GAVE_UP, 0, 3),
        (Ending.GAVE_UP, 1, 1),
        (Ending.STOPPED, 0, 3),
        (Ending.RELOAD, 0, 3),
    ],
)
def test_exit_codes(ending, failures, code):
    assert Outcome(ending, "", [Task(f)] * failures, NOTHING, True).exit_code == code


def test_complete():
    assert Outcome(Ending.COMPLETE, "", [], NOTHING, True).sentence() == "All tasks are finished."


def test_failures_are_counted_and_named():
    left = {**NOTHING, "failed": 3, "waiting": 7}
    text = Outcome(Ending.FAILED, "", [Task(g), Task(f), Task(f)], left, True).sentence()
    assert text.startswith(f"3 tasks failed ({__name__}.f, {__name__}.g)")
    assert "7 waiting" in text and "3 failed" in text and "ready" not in text


def test_one_failure_is_singular():
    assert "1 task failed" in Outcome(Ending.FAILED, "", [Task(g)], NOTHING, True).sentence()


def test_failures_of_others_say_what_to_do():
    text = Outcome(Ending.FAILED, "", [], {**NOTHING, "failed": 1}, False).sentence()
    assert "1 failed" in text and "jug cleanup --failed-only" in text


def test_the_reason_is_told():
    text = Outcome(Ending.STOPPED, "The limit is reached.", [], {**NOTHING, "ready": 4}, True).sentence()
    assert "The limit is reached." in text and "4 ready" in text


def test_locks_that_may_be_stale_are_explained():
    text = Outcome(Ending.GAVE_UP, "Nothing to do.", [], {**NOTHING, "running": 1}, True).sentence()
    assert "1 running" in text and "jug cleanup --locks-only" in text
