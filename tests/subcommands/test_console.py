"""What a worker says while it waits."""

import pytest

from jug.config import Options
from jug.subcommands import console


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def reporter(verbose="quiet"):
    options = Options()
    options.verbose = verbose
    return console.ConsoleReporter(options)


def test_a_short_wait_is_not_mentioned(clock, capsys):
    waits = reporter()
    waits.waiting(1, 2)
    clock[0] += 9
    waits.waiting(1, 2)
    assert capsys.readouterr().err == ""


def test_a_long_wait_is_told_once(clock, capsys):
    waits = reporter()
    waits.waiting(1, 2)
    for _ in range(5):
        clock[0] += 10
        waits.waiting(1, 2)
    assert capsys.readouterr().err == "jug: Waiting: 1 tasks are locked by others, 2 wait for results\n"


def test_on_request_any_wait_is_told_at_once(clock, capsys):
    reporter("info").waiting(0, 2)
    assert capsys.readouterr().err == "jug: Waiting: 0 tasks are locked by others, 2 wait for results\n"
