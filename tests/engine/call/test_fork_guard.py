"""A function that forks: its children are no workers, whatever they do."""

import pytest
from processes import jug, python, write

JUGFILE = """
    import os, sys
    from jug import TaskGenerator

    @TaskGenerator
    def forks(n):
        with open("log", "a") as log:
            log.write(f"{n}\\n")
        pid = os.fork()
        if pid == 0:
            %s
        return os.waitpid(pid, 0)[1]

    for n in range(3):
        forks(n)
"""


@pytest.mark.parametrize(
    ("what", "status"),
    [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("return 'the child'", 0), ("raise ValueError(n)", 1), ("os._exit(4)", 4)],
)
def test_a_child_that_comes_back_from_the_function_ends(tmp_path, what, status):
    write(tmp_path, JUGFILE % what)
    done = jug(tmp_path, "execute", "--keep-failed", "--keep-going")
    assert (done.code, done.last) == (0, "jug: All tasks are finished.")
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2"]
    shown = "import jug\nstore, space = jug.init('jugfile.py', 'jugfile.jugdata')\n"
    shown += f"print({{jug.value(t) for t in jug.task.alltasks}} == {{{status} * 256}})\n"

    assert python(tmp_path, write(tmp_path, shown, "shown.py")).out == "True\n"
