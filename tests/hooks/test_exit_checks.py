import pytest

from jug.errors import StopWorker, UsageError
from jug.hooks import exit_checks, jug_hook, reset_all_hooks


@pytest.fixture(autouse=True)
def clean_hooks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reset_all_hooks()
    yield
    reset_all_hooks()


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(exit_checks, "monotonic", lambda: Clock.now)
    return Clock


def begin_task():
    jug_hook("execute.task-pre-execute", ("task",))


def finish_task(task="task"):
    jug_hook("execute.task-executed1", (task,))


def test_stops_when_the_file_exists(tmp_path):
    exit_checks.exit_if_file_exists("stop")
    begin_task()
    (tmp_path / "stop").touch()
    with pytest.raises(StopWorker, match="'stop'"):
        begin_task()


def test_stops_after_n_tasks():
    exit_checks.exit_after_n_tasks(3)
    finish_task()
    finish_task()
    with pytest.raises(StopWorker, match="3 executed"):
        finish_task()


def test_tasks_are_counted_across_loads_of_the_jugfile():
    exit_checks.exit_after_n_tasks(2)
    finish_task()
    exit_checks.exit_after_n_tasks(2)
    with pytest.raises(StopWorker):
        finish_task()


def test_the_smallest_of_several_limits_counts():
    exit_checks.exit_after_n_tasks(5)
    exit_checks.exit_after_n_tasks(1)
    with pytest.raises(StopWorker):
        finish_task()


def test_stops_after_the_sum_of_hours_minutes_and_seconds(clock):
    exit_checks.exit_after_time(hours=1, minutes=1, seconds=1)
    clock.now += 3660
    finish_task()
    clock.now += 1
    with pytest.raises(StopWorker, match="3661 s"):
        finish_task()


def test_time_runs_from_the_first_load_of_the_jugfile(clock):
    exit_checks.exit_after_time(seconds=10)
    clock.now += 8
    exit_checks.exit_after_time(seconds=10)
    clock.now += 2
    with pytest.raises(StopWorker):
        finish_task()


def test_exit_when_true_asks_the_function_after_each_task():
    answers = [False, True]
    exit_checks.exit_when_true(lambda: answers.pop(0))
    finish_task()
    with pytest.raises(StopWorker):
        finish_task()


def test_exit_when_true_can_look_at_the_task():
    exit_checks.exit_when_true(lambda task: task == "last", function_takes_Task=True)
    finish_task("first")
    with pytest.raises(StopWorker):
        finish_task("last")


def test_exit_when_true_knows_a_function_that_was_loaded_again():
    calls = []
    source = "def check():\n    calls.append(1)\n    return (lambda: False)()\n"
    for _load in range(3):
        namespace = {"calls": calls, "__name__": "jugfile"}
        exec(source, namespace)
        exit_checks.exit_when_true(namespace["check"])
    finish_task()
    assert calls == [1]


def test_exit_when_true_tells_functions_of_one_factory_apart():
    calls = []

    def make(word):
        return lambda: calls.append(word)

    exit_checks.exit_when_true(make("a"))
    exit_checks.exit_when_true(make("b"))
    finish_task()
    assert calls == ["a", "b"]


def test_environment_limits_tasks():
    exit_checks.exit_env_vars({"JUG_MAX_TASKS": "1"})
    with pytest.raises(StopWorker):
        finish_task()


def test_environment_limits_the_time_by_the_sum_of_its_variables(clock):
    exit_checks.exit_env_vars({"JUG_MAX_HOURS": "1", "JUG_MAX_MINUTES": "1", "JUG_MAX_SECONDS": "0.5"})
    clock.now += 3660
    finish_task()
    clock.now += 0.5
    with pytest.raises(StopWorker):
        finish_task()


def test_environment_names_a_file(tmp_path):
    exit_checks.exit_env_vars({"JUG_EXIT_IF_FILE_EXISTS": "halt"})
    begin_task()
    (tmp_path / "halt").touch()
    with pytest.raises(StopWorker, match="'halt'"):
        begin_task()


def test_the_usual_stop_file_always_counts(tmp_path):
    exit_checks.exit_env_vars({})
    begin_task()
    (tmp_path / "__jug_please_stop_running.txt").touch()
    with pytest.raises(StopWorker, match="__jug_please_stop_running.txt"):
        begin_task()


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("JUG_MAX_TASKS", "1")
    exit_checks.exit_env_vars()
    with pytest.raises(StopWorker):
        finish_task()


def test_empty_variables_and_times_of_zero_are_no_limits(clock):
    exit_checks.exit_env_vars({"JUG_MAX_TASKS": "", "JUG_MAX_SECONDS": "0", "JUG_EXIT_IF_FILE_EXISTS": ""})
    clock.now += 1e9
    begin_task()
    finish_task()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("JUG_MAX_TASKS", "x"),
        ("JUG_MAX_TASKS", "2.5"),
        ("JUG_MAX_TASKS", "0"),
        ("JUG_MAX_SECONDS", "soon"),
        ("JUG_MAX_MINUTES", "nan"),
        ("JUG_MAX_HOURS", "-1"),
    ],
)
def test_malformed_variables_are_named_with_their_value(name, text):
    with pytest.raises(UsageError, match=f"{name}: '{text}'"):
        exit_checks.exit_env_vars({name: text})
