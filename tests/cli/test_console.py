"""What a worker says while it waits."""

import pytest
from processes import python

from jug import Task
from jug.cli import console, terminal
from jug.errors import JugError
from jug.words.config import Options, tell, warn


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
    assert capsys.readouterr().err == "jug: Waiting: 1 task is locked by others, 2 wait for results\n"


def test_on_request_any_wait_is_told_at_once(clock, capsys):
    reporter("info").waiting(0, 2)
    assert capsys.readouterr().err == "jug: Waiting: 0 tasks are locked by others, 2 wait for results\n"


def test_no_message_does_anything_to_a_terminal(capsys):
    """Nor does what jug says of a file of others; what the user's own function raises is shown as it is."""
    said = reporter()
    said.damaged(Task(print), ValueError("a\x1b[2J"), "b\u202e")
    said.failed(Task(print), JugError("c\x1b[2J"))
    terminal.say("d\x1b[2J")
    warn("e\udc80")
    tell(Options(), "f\x1b[2J")
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert text.replace("\n", "").isprintable() and text.count("\\x1b") == 4
    said.failed(Task(print), ValueError("\x1b[31mred\x1b[0m"))
    assert "\x1b[31mred\x1b[0m" in capsys.readouterr().err


def test_half_a_character_can_be_printed(tmp_path):
    program = "from jug.cli import terminal; terminal.prepare(); print('a\\udc80')"
    done = python(tmp_path, "-c", program, PYTHONIOENCODING="utf-8:strict")
    assert (done.code, done.out, done.err) == (0, "a\\udc80\n", "")
