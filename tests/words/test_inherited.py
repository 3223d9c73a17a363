"""What a worker has from the one that started it."""

import signal

import pytest
from processes import python, write

# A launcher: it does something to itself, and becomes jug.
LAUNCHER = """
import os, signal, sys
{before}
os.execv(sys.executable, [sys.executable, "-m", "jug", "execute", "--short"])
"""
COMMAND = "from jug.utils import jug_execute\njug_execute(['sh', '-c', 'exit 3'])\n"
SHELL = "import os\nfrom jug import Task\nprint('status', os.system('exit 3') >> 8)\nTask(abs, -1)\n"
MASK = "import signal\nfrom jug import Task\nprint(len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))\nTask(abs, -1)\n"
IGNORES = "signal.signal(signal.{0}, signal.SIG_IGN)"
BLOCKS = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD])"


def started(where, jugfile, before):
    write(where, jugfile)
    return python(where, "-c", LAUNCHER.format(before=before))


def test_a_program_that_fails_where_sigchld_was_ignored(tmp_path):
    done = started(tmp_path, COMMAND, IGNORES.format("SIGCHLD"))
    assert done.code == 1
    assert "failed with exit code 3" in done.err


def test_exit_statuses_can_be_had_where_sigchld_was_ignored(tmp_path):
    assert started(tmp_path, SHELL, IGNORES.format("SIGCHLD")).out.splitlines()[0] == "status 3"


def test_signals_that_were_blocked_are_not_any_more(tmp_path):
    assert started(tmp_path, MASK, BLOCKS).out.splitlines()[0] == "0"


def test_a_time_limit_of_a_task_passes_where_sigalrm_was_blocked(tmp_path):
    jugfile = """
        import signal
        from jug import Task

        class Late(Exception):
            pass

        def late(*about):
            raise Late

        def limited():
            signal.signal(signal.SIGALRM, late)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            try:
                signal.sigtimedwait([signal.SIGUSR1], 60)
                return "in time"
            except Late:
                return "late"

        t = Task(limited)
        """
    assert started(tmp_path, jugfile, BLOCKS).code == 0
    script = "import jug; _, space = jug.init('jugfile.py'); print(jug.value(space['t']))"
    assert python(tmp_path, "-c", script).out == "late\n"


def test_what_is_ignored_on_purpose_stays_so(tmp_path):
    jugfile = "import signal\nfrom jug import Task\nprint(signal.getsignal(signal.SIGHUP))\nTask(abs, -1)\n"
    assert started(tmp_path, jugfile, IGNORES.format("SIGHUP")).out.splitlines()[0] == str(signal.SIG_IGN)


IGNORES_CHILDREN = """
import signal
import jug, jug.jug, jug.options
from jug.utils import jug_execute
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
jug_execute(["sh", "-c", "exit 3"])
"""
# What makes a jugfile a program that runs its tasks itself.
LOOP = "jug.set_jugdir('dict_store')\njug.jug.execution_loop(jug.task.alltasks, jug.options.parse(['execute']))\n"


@pytest.mark.parametrize("how", [("-m", "jug", "execute"), ("jugfile.py",)], ids=["a jugfile", "a program"])
def test_where_sigchld_is_ignored_nothing_counts_as_done(tmp_path, how):
    write(tmp_path, IGNORES_CHILDREN + (LOOP if how == ("jugfile.py",) else ""))
    done = python(tmp_path, *how)
    assert done.code == 1
    assert done.err.startswith("jug: warning: SIGCHLD is ignored")
    assert "exit status of command ['sh', '-c', 'exit 3'] cannot be had" in done.err
