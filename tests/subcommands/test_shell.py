import pytest
from processes import jug, use, write

ASK = """\
print("firsts", value(firsts))
print("tasks", [t.name for t in get_tasks()][:4])
print("finished", [t.name for t in get_filtered_tasks(loadable=True)])
print("would go", invalidate(firsts[0], dry_run=True))
print("still", len(get_filtered_tasks(loadable=True)))
print("removed", invalidate(firsts[0]))
print("left", [t.name for t in get_filtered_tasks(loadable=True)])
print("available", [t.name for t in get_filtered_tasks(available=True)])
print("failed", get_filtered_tasks(failed=True))
print("missing", value(through, missing="?"))
from jug import task
print("jug's own list", get_tasks(copy=False) is task.alltasks, get_tasks() is task.alltasks)
load_all()
print("loaded", firsts, direct)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the shell answers after the chain has been executed."""
    where = tmp_path_factory.mktemp("shell")
    use(where, "chain.py")
    assert jug(where, "execute", "--short").code == 0
    done = jug(where, "shell", stdin=ASK)
    assert (done.code, done.err) == (0, "")
    return done.out


@pytest.mark.parametrize(
    "answer",
    [
        "firsts [[0, 1], [1, 2], [2, 3]]",
        "tasks ['jugfile.first', 'jugfile.first', 'jugfile.first', 'jugfile.second']",
        "finished ['jugfile.first', 'jugfile.first', 'jugfile.first', 'jugfile.second', 'jugfile.third', ",
        "jugfile.first                    1           0\n",  # the table of what goes
        "Total:                           1           3\n",
        "would go 4",
        "still 7",
        "4 results invalidated.\n",
        "removed 4",
        "left ['jugfile.first', 'jugfile.first', 'jugfile.apart']",
        "available ['jugfile.first']",
        "failed []",
        "missing ('?', '?')",
        "jug's own list True False",
        "loaded [Task(jugfile.first, args=(0,), kwargs={}), ",  # one of the three has no result any more
    ],
)
def test_names_and_tools(answers, answer):
    assert answer in answers


def test_the_banner_says_what_there_is(answers):
    assert "The names of the jugfile 'jugfile.py' are here, and besides them:" in answers
    for name in ("value(", "load_all()", "invalidate(", "get_tasks()", "get_filtered_tasks("):
        assert f"\n    {name}" in answers


def test_load_all_replaces_tasks_by_results(tmp_path):
    use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--short")
    done = jug(tmp_path, "shell", stdin='load_all()\nprint("loaded", firsts, direct, through)\n')
    assert "loaded [[0, 1], [1, 2], [2, 3]] [0, 1] (2, 1)" in done.out


def test_load_all_says_which_names_are_left_and_only_then(tmp_path):
    use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--short", "--name", "first")
    done = jug(tmp_path, "shell", stdin='load_all()\nprint("loaded", firsts)\n')
    assert "Not replaced, since results are missing: direct, through\n" in done.out
    assert "loaded [[0, 1], [1, 2], [2, 3]]" in done.out
    jug(tmp_path, "execute", "--short")
    assert "Not replaced" not in jug(tmp_path, "shell", stdin="load_all()\n").out


def test_load_all_tells_twenty_names_at_most(tmp_path):
    write(tmp_path, "from jug import Task\nglobals().update({f'n{i:02}': Task(abs, i) for i in range(22)})\n")
    done = jug(tmp_path, "shell", stdin="load_all()\n")
    assert "missing: n00, n01, " in done.out and ", n18, n19 and 2 more\n" in done.out


def test_load_all_leaves_the_history_of_the_shell_alone(tmp_path):
    use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--short")
    done = jug(tmp_path, "shell", stdin='direct\nload_all()\n41 + 1\nprint("history", Out[1].name, Out[3])\n')
    assert "history jugfile.second 42\n" in done.out


def test_a_result_that_is_missing_is_told(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "shell", stdin="value(direct)\n")
    assert done.code == 0
    assert "jugfile.second has no result yet" in done.out


def test_a_barrier_is_told_and_the_names_before_it_are_there(tmp_path):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\nlater = second(5)\n")
    done = jug(tmp_path, "shell", stdin="print('number', len(firsts))\n")
    assert "are here (up to a barrier: jugfile.first has no result yet), and besides them:" in done.out
    assert "number 3" in done.out


def test_arguments_for_the_jugfile(tmp_path):
    write(tmp_path, "import sys\ngiven = sys.argv[1:]\n")
    done = jug(tmp_path, "shell", "--", "--x", "y", stdin="print('given', given)\n")
    assert "given ['--x', 'y']" in done.out


def test_without_ipython_it_says_what_to_install(tmp_path):
    write(tmp_path, "")
    write(tmp_path, "raise ImportError", "IPython.py")
    done = jug(tmp_path, "shell")
    assert done.code == 2
    assert done.err == "jug: The shell needs IPython, which is not installed: pip install 'jug[shell]'\n"
