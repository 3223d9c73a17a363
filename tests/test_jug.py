"""jug from code: init, main, execution_loop, ExecutionState, is_jug_running; and ``jug`` without a command."""

import os
import signal
import sys
import time

import checkout
import pytest
from processes import ROOT, files_in, jug, python, start_python, use, write

import jug as package
from jug import task
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.errors import NoStoreError, UnstorableError
from jug.hooks import register_hook, reset_all_hooks
from jug.hooks.exit_checks import exit_after_n_tasks, exit_env_vars
from jug.jug import ExecutionState, execution_loop, init, is_jug_running, main
from jug.options import default_options


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path, monkeypatch):
    """Each test in a directory of its own, with no tasks, no store, and no configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "argv", ["the-program", "its argument"])
    monkeypatch.setattr(task.Task, "store", None)
    monkeypatch.setattr("jug.engine.loading.jugfile._running", False)
    modules = set(sys.modules)
    yield
    del task.alltasks[:]
    for name in set(sys.modules) - modules - {n for n in sys.modules if n.startswith("jug.")}:
        del sys.modules[name]


def run(*arguments):
    """The exit status of main."""
    with pytest.raises(SystemExit) as stop:
        main(["jug", *arguments])
    return stop.value.code


def test_what_the_jugfile_has_not_written_yet_is_written_at_the_end(tmp_path):
    """Whoever holds the file is in a circle, so it is closed by the search for garbage only, which leaves out jug."""
    write(
        tmp_path,
        """
        import gc
        from jug import Task

        class Log:
            def __init__(self, name):
                self.file = open(name, "w")
                self.write = self.say

            def say(self, what):
                self.file.write(what)

        log = Log("log.txt")
        log.write(f"{gc.get_freeze_count() > 0}")
        Task(print, 1)
        """,
    )
    assert jug(tmp_path, "execute").code == 0
    assert (tmp_path / "log.txt").read_text() == "True"


# init


def test_init_reads_the_jugfile_of_this_directory(tmp_path):
    use(tmp_path, "chain.py")
    store, space = init()
    assert store is task.Task.store
    assert store.jugdir == "jugfile.jugdata"
    assert len(space["firsts"]) == 3 and len(task.alltasks) == 7
    assert sys.modules["jugfile"].firsts is space["firsts"]
    assert sys.argv == ["the-program", "its argument"]
    assert not is_jug_running()
    assert files_in(tmp_path) == ["jugfile.py"]


def test_init_shows_results_to_a_plain_script(tmp_path):
    use(tmp_path, "chain.py", "chain.py")
    assert jug(tmp_path, "execute", "chain.py").code == 0
    write(
        tmp_path,
        """
        import jug
        store, space = jug.init("chain.py")
        print(jug.value(space["direct"]), jug.value(space["through"]), jug.is_jug_running())
        """,
        "script.py",
    )
    done = python(tmp_path, "script.py")
    assert (done.code, done.out, done.err) == (0, "[0, 1] (2, 1) False\n", "")


def test_init_takes_a_jugdir_or_a_store(tmp_path):
    use(tmp_path, "chain.py")
    assert init("jugfile.py", "elsewhere")[0].jugdir == "elsewhere"
    mine = dict_store()
    assert init("jugfile.py", mine)[0] is mine
    other = dict_store()
    assert init("jugfile.py", "elsewhere", store=other)[0] is other


def test_init_gives_the_store_that_the_jugfile_chose(tmp_path):
    (tmp_path / "jugfile.py").write_text("import jug\njug.set_jugdir('chosen')\n")
    store, _ = init("jugfile.py", "elsewhere")
    assert store is task.Task.store and store.jugdir == "chosen"


def test_init_finds_the_results_of_a_jugfile_in_another_directory(tmp_path):
    use(tmp_path, "chain.py", "sub/a-chain.py")
    assert jug(tmp_path, "execute", "sub/a-chain.py").code == 0
    _, space = init("sub/a-chain.py")
    assert package.value(space["direct"]) == [0, 1]
    assert files_in(tmp_path)[:2] == ["sub", "sub/a-chain.jugdata"]


def test_init_looks_where_the_configuration_says(tmp_path):
    use(tmp_path, "chain.py", "chain.py")
    write(tmp_path, "[main]\njugfile = chain.py\njugdir = of-%(jugfile)s.d\n", ".jugrc")
    assert jug(tmp_path, "execute").code == 0
    (tmp_path / "jugdata").mkdir()
    store, space = init()
    assert store.jugdir == "of-chain.d"
    assert package.value(space["direct"]) == [0, 1]
    assert init(jugdir="other")[0].jugdir == "other"


def test_init_looks_where_execute_has_put_results(tmp_path, capsys):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute").code == 0
    (tmp_path / "jugdata").mkdir()
    _, space = init()
    assert package.value(space["direct"]) == [0, 1]
    assert capsys.readouterr().err.startswith("jug: warning: jug.init: there are both jugfile.jugdata and jugdata")


def test_the_names_of_init_are_those_of_the_jugfile(tmp_path):
    write(tmp_path, "import jug\ndef f(): return eval('len([1])') + len('ab')\nt = jug.Task(f)\n")
    _, space = init(jugdir=dict_store())
    assert "__builtins__" not in space
    assert space["f"]() == space["t"].run() == 3


def test_init_again_forgets_the_tasks_of_before(tmp_path):
    use(tmp_path, "chain.py")
    init(jugdir=dict_store())
    init(jugdir=dict_store())
    assert len(task.alltasks) == 7


def test_init_of_a_jugfile_with_a_barrier(tmp_path):
    write(tmp_path, "from jug import Task, barrier\nt = Task(len, 'abc')\nbarrier()\nafter = 1\n")
    _, space = init(jugdir=dict_store())
    assert "t" in space and "after" not in space
    assert space["__jug__hasbarrier__"] is True


def test_a_jugfile_that_init_reads_sees_the_arguments_of_the_script(tmp_path):
    write(tmp_path, "import sys\nseen = sys.argv[:]\n")
    assert init(jugdir=dict_store())[1]["seen"] == ["the-program", "its argument"]


def test_init_of_a_jugfile_that_raises(tmp_path, capsys):
    write(tmp_path, "def f():\n    return {}['key']\nf()\n")
    with pytest.raises(SystemExit) as stop:
        init(jugdir=dict_store())
    assert stop.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == '  File "jugfile.py", line 3, in <module>'
    assert lines[-1] == "jug: The jugfile 'jugfile.py' raised KeyError"
    with pytest.raises(KeyError, match="key"):
        init(jugdir=dict_store(), on_error="propagate")
    assert sys.argv == ["the-program", "its argument"]


def test_init_with_a_wrong_word():
    with pytest.raises(ValueError, match="on_error must be 'exit' or 'propagate', and is 'raise'"):
        init(on_error="raise")


def test_init_without_a_jugfile(capsys):
    with pytest.raises(SystemExit) as stop:
        init()
    assert stop.value.code == 2
    assert capsys.readouterr().err == "jug: The jugfile 'jugfile.py' cannot be read: No such file or directory\n"


def test_is_jug_running_is_public():
    assert package.is_jug_running is is_jug_running
    assert not is_jug_running()


# execution_loop


@package.TaskGenerator
def double(x):
    if x == "bad":
        raise ValueError(x)
    return 2 * x


def raises_with_a_cause():
    try:
        {}[1]
    except KeyError as error:
        raise RuntimeError from error


def interrupts_itself():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)  # it does not come to that


@pytest.fixture
def options():
    options = default_options.copy()
    options.execute_nr_wait_cycles = 0
    return options


def test_execution_loop_runs_the_list_and_empties_it(options):
    package.set_jugdir(dict_store())
    first = double(1)
    last = double(first)
    tasks = list(task.alltasks)
    assert execution_loop(tasks, options) is False
    assert tasks == []
    assert package.value([first, last]) == [2, 4]
    assert task.alltasks == [first, last]


def test_execution_loop_says_whether_a_task_failed(options, capsys):
    package.set_jugdir(dict_store())
    double("bad")
    good = double(1)
    options.execute_keep_going = True
    assert execution_loop(list(task.alltasks), options) is True
    assert good.can_load()
    assert "ValueError: bad" in capsys.readouterr().err


def test_execution_state_is_carried_from_call_to_call(options, capsys):
    package.set_jugdir(dict_store())
    bad = double("bad")
    state = ExecutionState()
    with pytest.raises(ValueError, match="bad"):
        execution_loop([bad], options, state)
    assert state.failed == {bad.hash()}
    capsys.readouterr()
    execution_loop([bad], options, state)
    assert capsys.readouterr().err == ""  # not run again

    waits = double(bad)
    bad.lock()
    assert execution_loop([bad, waits], options, other := ExecutionState()) is False
    assert other.nr_waits == 1 and other.failed == set()


def test_execution_loop_takes_the_selection_of_the_options(options):
    package.set_jugdir(dict_store())
    chosen = double(1)
    options.execute_name = "triple"
    execution_loop([chosen], options)
    assert not chosen.can_load()
    options.execute_name = "double"
    execution_loop([chosen], options)
    assert chosen.can_load()


def test_execution_loop_lets_out_what_a_task_raises(options, capsys):
    package.set_jugdir(store := dict_store())
    good, bad, after = double(1), double("bad"), double(2)
    with pytest.raises(ValueError, match="bad") as raised:
        execution_loop([good, bad, after], options)
    assert raised.value.__cause__ is None
    assert [good.can_load(), after.can_load()] == [True, False]
    assert list(store.listlocks()) == []
    assert capsys.readouterr().err == f"jug: {__name__}.double('bad') failed (task {bad.hash().decode()})\n"


def test_a_failure_with_a_cause_keeps_it(options):
    package.set_jugdir(dict_store())
    with pytest.raises(RuntimeError) as raised:
        execution_loop([package.Task(raises_with_a_cause)], options)
    assert isinstance(raised.value.__cause__, KeyError)


@pytest.mark.parametrize("code", [0, None, 7])
def test_sys_exit_of_a_task_is_no_success_of_a_program(options, code):
    package.set_jugdir(dict_store())
    with pytest.raises(SystemExit) as stop:
        execution_loop([package.Task(sys.exit, code)], options)
    assert stop.value.code == 1


@pytest.fixture
def hooks():
    yield
    reset_all_hooks()


@pytest.mark.parametrize("name", ["execute.task-pre-execute", "execute.task-executed1"])
@pytest.mark.parametrize("code", [0, 99, "enough"])
def test_sys_exit_of_a_hook_comes_out_of_the_loop(options, hooks, name, code):
    package.set_jugdir(store := dict_store())
    register_hook(name, lambda t: sys.exit(code))
    tasks = [double(1), double(2)]
    with pytest.raises(SystemExit) as stop:
        execution_loop(list(tasks), options)
    assert stop.value.code == code
    assert sum(t.can_load() for t in tasks) == (name == "execute.task-executed1")
    assert list(store.listlocks()) == []


@pytest.mark.parametrize("how", [lambda: exit_after_n_tasks(1), lambda: exit_env_vars({"JUG_MAX_TASKS": "1"})])
def test_an_exit_check_comes_out_of_the_loop_with_all_stored(options, hooks, tmp_path, how):
    package.set_jugdir(str(tmp_path / "results"))
    how()
    tasks = [double(1), double(2)]
    with pytest.raises(SystemExit) as stop:
        execution_loop(list(tasks), options)
    assert stop.value.code == 0
    assert [t.can_load(file_store(str(tmp_path / "results"))) for t in tasks] == [True, False]


def test_ctrl_c_comes_out_of_the_loop_as_python_has_it(options):
    package.set_jugdir(store := dict_store())
    with pytest.raises(KeyboardInterrupt):
        execution_loop([package.Task(interrupts_itself)], options)
    assert list(store.listlocks()) == []


def test_execution_loop_of_nothing(options):
    assert execution_loop([], options) is False


def test_execution_loop_without_a_store(options):
    with pytest.raises(NoStoreError, match="set_jugdir"):
        execution_loop([double(1)], options)


# main


def test_main_runs_a_command_line_and_exits(tmp_path, capsys):
    use(tmp_path, "chain.py", "chain.py")
    assert run("execute", "chain.py") == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "Total:                           7           0"
    assert captured.err == "jug: All tasks are finished.\n"
    assert run("status", "chain.py", "--short") == 0
    assert capsys.readouterr().out == "All tasks complete (7 tasks).\n"
    assert is_jug_running()


FAILS = "from jug import Task\nTask(int, 'x')\nTask(abs, -1)\n"


def test_main_of_a_program_lets_out_what_a_task_raises(tmp_path, capsys):
    write(tmp_path, FAILS)
    with pytest.raises(ValueError, match="invalid literal"):
        main(["jug", "execute"])
    assert capsys.readouterr().err.splitlines()[-1].startswith("jug: 1 task failed")
    assert run("execute", "--keep-going") == 1
    assert run("status", "--short") == 1


def test_main_of_a_program_lets_out_errors_of_our_own_kind(tmp_path, capsys):
    write(tmp_path, "import jug\ndef f(): return jug.Task(abs, -1)\njug.Task(f)\n")
    with pytest.raises(UnstorableError):
        main(["jug", "execute"])
    assert capsys.readouterr().err.count("never executed") == 1


@pytest.mark.parametrize("how", [("-m", "jug"), ("-m", "jug.jug"), (ROOT / "jug/jug.py",)], ids=str)
def test_the_command_tells_a_failure_once(tmp_path, how):
    write(tmp_path, FAILS)
    done = python(tmp_path, *how, "execute")
    assert done.code == 1
    assert done.err.count("Traceback") == done.err.count("invalid literal") == 1, done
    assert done.last.startswith("jug: 1 task failed")


@pytest.mark.parametrize("how", [("-m", "jug.jug"), (ROOT / "jug/jug.py",)], ids=str)
def test_other_ways_to_start_the_command(tmp_path, how):
    use(tmp_path, "chain.py")
    assert python(tmp_path, *how, "execute", "--short").code == 0
    assert python(tmp_path, *how, "status", "--short").out == "All tasks complete (7 tasks).\n"
    assert python(tmp_path, *how, "nonsense").code == 2


def test_jug_execute_is_jug_execute(tmp_path):
    write(tmp_path, FAILS)
    done = python(tmp_path, "-c", "from jug.jug import main_execute; main_execute()")
    assert (done.code, done.last.partition(" (")[0]) == (1, "jug: 1 task failed")


def test_main_takes_sys_argv_by_default(tmp_path, capsys, monkeypatch):
    use(tmp_path, "chain.py")
    monkeypatch.setattr(sys, "argv", ["jug", "count", "--short"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert capsys.readouterr().out == "Count:  7 tasks\n** Total: 7 tasks.\n"


def test_a_bug_keeps_its_traceback(tmp_path):
    use(tmp_path, "chain.py")
    source = """
        from jug.subcommands import SubCommand
        class Broken(SubCommand):
            name = "broken"
            def run(self, *args, **kwargs):
                1 / 0
        Broken()
        """
    write(tmp_path, source, ".config/jug/jug_user_commands.py")
    done = jug(tmp_path, "broken")
    assert done.code == 1
    assert done.last == "ZeroDivisionError: division by zero"
    assert "in run\n" in done.err


def test_the_store_is_closed_whatever_happens(tmp_path):
    write(tmp_path, "from jug import CachedFunction\nCachedFunction(len, 'abc')\n1 / 0\n")
    assert jug(tmp_path, "status", "--jugdir", "dict_store:kept").code == 1
    assert len(list(dict_store(str(tmp_path / "kept")).list())) == 1


# jug without a command


def test_version(tmp_path):
    done = jug(tmp_path, "--version")
    assert (done.code, done.out, done.err) == (0, f"{package.__version__}\n", "")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(tmp_path, flag):
    done = jug(tmp_path, flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("usage: jug SUBCOMMAND")


def test_help_of_a_command_shows_every_option(tmp_path):
    done = jug(tmp_path, "execute", "--help")
    assert (done.code, done.err) == (0, "")
    for option in ("--wait-cycle-time", "--keep-going", "--jugdir", "--aggressive-unload", "JUGFILE"):
        assert option in done.out


def test_no_arguments_at_all(tmp_path):
    done = jug(tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: jug SUBCOMMAND")
    assert "   execute:        Execute tasks\n" in done.err
    assert done.last == "jug: A subcommand is needed"


def test_the_script_of_a_checkout(tmp_path):
    checkout.required()
    done = python(tmp_path, ROOT / "bin/jug", "--version", PYTHONPATH=None)
    assert (done.code, done.out) == (0, f"{package.__version__}\n")


def test_python_m_jug_is_what_the_tests_run(tmp_path):
    done = start_python(tmp_path, "-c", "import runpy, sys; sys.argv[1:] = ['--version']; runpy.run_module('jug')")
    assert done.wait().code == 0
