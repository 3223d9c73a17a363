"""The debugger that ``--pdb`` opens, where a task or the jugfile raised."""

import pytest
from processes import jug, write

TASK = "from jug import Task\ndef f(x):\n    y = x + 40\n    raise KeyError(y)\nTask(f, 1)\n"
JUGFILE = "from jug import Task\ndef f(x):\n    y = x + 40\n    raise KeyError(y)\nf(1)\n"
AFTER_BARRIER = JUGFILE.replace("f(1)", "t = Task(abs, -1)\n__import__('jug').barrier()\nf(t.value())")
NO_IPYTHON = "raise ImportError('none here')\n"


@pytest.mark.parametrize("source", [TASK, JUGFILE, AFTER_BARRIER], ids=["task", "jugfile", "after a barrier"])
@pytest.mark.parametrize("has_ipython", [True, False])
def test_the_debugger_is_where_the_error_was_raised(tmp_path, source, has_ipython):
    if has_ipython:
        pytest.importorskip("IPython")
    else:
        write(tmp_path, NO_IPYTHON, "IPython/__init__.py")
    write(tmp_path, source)
    done = jug(tmp_path, "execute", "--pdb", stdin="p y + 59\nq\n")
    assert done.code == 1
    assert "100" in done.out.split() and ("ipdb>" in done.out, "(Pdb)" in done.out) == (has_ipython, not has_ipython)
    assert "KeyError: 41" in done.err


def test_the_debugger_is_for_other_commands_too(tmp_path):
    write(tmp_path, JUGFILE)
    write(tmp_path, NO_IPYTHON, "IPython/__init__.py")
    done = jug(tmp_path, "status", "--pdb", stdin="p y + 59\nq\n")
    assert done.code == 1 and "100" in done.out.split()


def test_a_file_that_is_not_python_opens_no_debugger(tmp_path):
    write(tmp_path, "x = = 1\n")
    done = jug(tmp_path, "status", "--pdb", stdin="p 41 + 59\nq\n")
    assert (done.code, done.out) == (1, "")


def test_without_pdb_there_is_no_debugger(tmp_path):
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "status", "--debug", stdin="p 41 + 59\n").out == ""
