from types import SimpleNamespace

import pytest

from jug.hooks import execution, jug_hook, reset_all_hooks


@pytest.fixture(autouse=True)
def clean_hooks():
    reset_all_hooks()
    yield
    reset_all_hooks()


def run_task(name):
    task = SimpleNamespace(name=name)
    jug_hook("execute.task-pre-execute", (task,))
    jug_hook("execute.task-executed1", (task,))


def test_average_times_are_printed_at_the_end_and_once_after_many_loads(monkeypatch, capsys):
    # Each task takes one step more than the one before: 1 s, 2 s, 3 s.
    readings = iter([0.0, 1.0, 10.0, 12.0, 20.0, 23.0])
    monkeypatch.setattr(execution, "monotonic", lambda: next(readings))
    execution.register_time_tasks()
    execution.register_time_tasks()
    for name in ("jf.slow", "jf.slow", "jf.a_function_with_a_long_name"):
        run_task(name)
    jug_hook("execute.finished_post_status")
    assert capsys.readouterr().out.splitlines() == [
        "",
        "TIMES",
        "-----",
        "",
        "jf.slow              1.50s (2 tasks)",
        "jf.a_function_with_a_long_name 3.00s (1 task)",
    ]


def test_without_tasks_only_the_heading_is_printed(capsys):
    execution.register_time_tasks()
    jug_hook("execute.finished_post_status")
    assert capsys.readouterr().out == "\nTIMES\n-----\n\n"
