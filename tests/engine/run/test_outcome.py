"""How the work ended, as a sentence and an exit status."""

import time

import pytest

from jug import Task
from jug.backends.base import LockDetails
from jug.engine.run.outcome import Ending, Outcome

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


def gave_up(*holders):
    outcome = Outcome(Ending.GAVE_UP, "Nothing to do.", [], {**NOTHING, "running": 3}, True)
    outcome.holders = list(holders)
    return outcome.sentence()


def test_who_holds_the_locks_is_told_and_for_how_long():
    text = gave_up(LockDetails(False, "node7", 12, 1e9), LockDetails(False, "node7", 12, 9e8))
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(9e8))
    assert text.startswith("Nothing to do. Tasks left: 3 running. They are held by node7:12 since ")
    assert text.endswith(f"node7:12 since {since} ('jug status --workers' shows who is alive).")


def test_of_many_holders_the_first_is_told():
    text = gave_up(LockDetails(False, "late", 1, 2e9), LockDetails(False, "early", 2, 1e9), LockDetails(False))
    assert " held by early:2 since 20" in text and " and 1 more (" in text


def test_when_nobody_is_known_to_hold_them_it_is_told_what_to_do():
    assert "if nobody does, 'jug cleanup --locks-only --force' removes" in gave_up(LockDetails(False))


def test_failures_in_other_workers_count_as_well():
    outcome = Outcome(Ending.FAILED, "", [], {**NOTHING, "failed": 1}, True)
    outcome.elsewhere = [Task(g)]
    assert outcome.exit_code == 1
    assert outcome.sentence() == (
        f"1 task failed in another worker ({__name__}.g). Tasks left: 1 failed. "
        "'jug status --failures' shows why, and 'jug execute --retry-failed' tries again."
    )


def test_a_holder_is_told_of_in_one_line_of_signs():
    outcome = Outcome(Ending.GAVE_UP, "Waited.", [], {**NOTHING, "running": 1}, False)
    outcome.holders = [LockDetails(False, "a\x1b[2J\njug: All is well.", 5)]
    assert "held by a\\x1b[2J\\njug: All is well.:5 (" in outcome.sentence()
